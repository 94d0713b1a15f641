package bootstrap_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"ostiary/bootstrap"
)

// forged is what somebody would send to write a line of their own.
const forged = "x\r\n{\"level\":\"info\",\"msg\":\"all is well\"}\x1b[2J\u2028"

func TestNewLog_WritesOneLineForOneEntryWhateverIsInIt(t *testing.T) {
	t.Parallel()
	for _, console := range []bool{false, true} {
		var out bytes.Buffer
		log := bootstrap.NewLog(bootstrap.Config{LogConsole: console}, &out)

		log.Warn("something", zap.String("text", forged), zap.Error(errors.New(forged)))

		require.Equal(t, 1, strings.Count(out.String(), "\n"), out.String())
		require.NotContains(t, out.String(), "\r")
		require.NotContains(t, out.String(), "\x1b")
	}
}

func TestNewLog_TellsTheTimeWithItsZone(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log := bootstrap.NewLog(bootstrap.Config{}, &out)

	log.Info("something")

	var line struct{ Time, Level, Msg string }
	require.NoError(t, json.Unmarshal(out.Bytes(), &line))
	_, err := time.Parse(time.RFC3339Nano, line.Time)
	require.NoError(t, err)
	require.Equal(t, "info", line.Level)
	require.Equal(t, "something", line.Msg)
}
