package bootstrap

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/adapters/mongo"
)

// Judgements on servers that no test machine has.

const (
	fine = "ok"
	note = "note"
	bad  = "WRONG"
)

func TestCheckTopology(t *testing.T) {
	t.Parallel()
	for want, s := range map[string]mongo.Server{
		bad:  {Topology: mongo.Standalone},
		note: {Topology: mongo.ReplicaSet, Set: "rs0", Members: 1},
		fine: {Topology: mongo.ReplicaSet, Set: "rs0", Members: 3},
	} {
		f := checkTopology(s)
		require.Equal(t, want, f.State(), f.Text)
	}
	require.Equal(t, fine, checkTopology(mongo.Server{Topology: mongo.Sharded}).State())
}

func TestCheckClock(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		ahead, took time.Duration
		want, text  string
	}{
		{0, time.Millisecond, fine, "agrees with the server's"},
		{-4 * time.Second, 0, fine, "agrees with the server's"},
		{6 * time.Second, 0, note, "the server's is 6 s ahead of this machine's"},
		{-31 * time.Second, 0, bad, "the server's is 31 s behind this machine's"},
		// Half of a slow answer may be all that the clocks differ by.
		{31 * time.Second, 4 * time.Second, note, "the server's is 31 s ahead of this machine's"},
	} {
		f := checkClock(row.ahead, row.took)
		require.Equal(t, row.want, f.State(), row.ahead)
		require.Equal(t, row.text, f.Text)
	}
}

func TestCheckVersion(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]string{"8.0.4": fine, "6.0.0": fine, "5.0.31": note, "": note} {
		require.Equal(t, want, checkVersion(version).State(), version)
	}
}

func TestCheckEncryption(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"mongodb://db.example.com/o?tls=true":      fine,
		"mongodb+srv://db.example.com/o":           fine,
		"mongodb://127.0.0.1:27017,[::1]/o":        fine,
		"mongodb://localhost/o":                    fine,
		"mongodb://%2Ftmp%2Fmongodb.sock/o":        fine,
		"mongodb://db.example.com/o":               note,
		"mongodb://localhost,db.example.com/o":     note,
		"mongodb+srv://db.example.com/o?tls=false": note,
	} {
		s, ok := ParseStorage(address)
		require.True(t, ok, address)
		require.Equal(t, want, checkEncryption(s.At).State(), address)
	}
}
