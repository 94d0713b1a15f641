package bootstrap_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Sources and their history come along for the build alone.
func TestImage_HoldsTheProgramAndNoSources(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "Dockerfile"))
	require.NoError(t, err)

	last := string(text)[strings.LastIndex(string(text), "\nFROM ")+1:]

	require.True(t, strings.HasPrefix(last, "FROM scratch\n"), last)
	var copied []string
	for _, line := range regexp.MustCompile(`(?m)^(?:COPY|ADD) (.*)$`).FindAllStringSubmatch(last, -1) {
		fields := strings.Fields(line[1])
		require.Equal(t, "--from=build", fields[0], line[0])
		copied = append(copied, fields[len(fields)-1])
	}
	require.Equal(t, []string{"/etc/ssl/certs/ca-certificates.crt", "/ostiary", "/data"}, copied)
	require.Regexp(t, `(?m)^USER 65532:65532$`, last)
}
