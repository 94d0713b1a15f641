package attack_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/test/program"
)

// Test102_FullDisk lets the disk that the database is on run full: writes are
// refused for the time being, reads and token checks go on, and all is well as
// soon as there is room. SQLite only: a MongoDB server's disk is its own.
func Test102_FullDisk(t *testing.T) {
	t.Parallel()
	disk := smallDisk(t, "12m")
	on := program.Engine{Name: program.OnSQLite.Name, Storage: func(*program.Deployment) []string {
		return []string{"OSTIARY_STORAGE=sqlite:" + filepath.Join(disk, "ostiary.db")}
	}}
	d := program.DeployOn(t, on, program.Cheap...)
	d.Start()
	p := d.Found("full")
	g := d.SignIn(p)
	hire := func(n int) program.Request {
		return program.Operator("POST", "/tenants/full/contacts", fmt.Sprintf(
			`{"firstName":"Somebody","email":"hired%d@globex.example","companies":[{"id":%s,"isPrimary":true}]}`, n, p.Globex))
	}
	room := fill(t, disk)
	var hired []string
	full := program.Reply{}
	for n := 0; full.Status == 0; n++ {
		require.Less(t, n, 20_000, "the disk never runs full")
		switch res := d.Send(hire(n)); res.Status {
		case 201:
			hired = append(hired, res.Number(t))
		default:
			full = res
		}
	}

	require.Equal(t, 503, full.Status, "%s", full.Body)
	for name, r := range map[string]program.Request{
		"sign-in":  program.Login("full", program.FirstPassword),
		"refresh":  program.Refresh(g.Refresh),
		"contact":  hire(-1),
		"link":     program.AskForLink("full", program.Address),
		"password": program.SetPassword(p, program.SecondPassword),
		"logout":   {Method: "POST", Path: "/api/v1/portal/auth/logout", Bearer: g.Access},
	} {
		res := d.Send(r)
		require.Equal(t, 503, res.Status, "%s: %s", name, res.Body)
		require.NotEmpty(t, res.Header.Get("Retry-After"), name)
	}
	for _, r := range []program.Request{
		program.Visit("/me", g), program.Visit("/scopes", g), program.Visit("/dashboard/stats", g),
		program.Operator("GET", "/tenants/full/contacts", ""),
		{Method: "GET", Path: "/.well-known/jwks.json"},
		{Method: "GET", Path: "/healthz"},
	} {
		d.Must(200, r)
	}
	require.NoError(t, os.Remove(room))
	began := time.Now()
	require.Eventually(t, func() bool { return d.Send(hire(-2)).Status == 201 }, program.Patience, 10*time.Millisecond, "serves again by itself")
	figure(t, "recovered", time.Since(began))
	for _, id := range hired {
		d.Must(200, program.Operator("GET", "/tenants/full/contacts/"+id, ""))
	}
	d.Must(200, program.Visit("/me", program.TokensOf(t, d.Must(200, program.Refresh(g.Refresh)))))
	d.Tokens(d.Must(200, program.Login("full", program.FirstPassword)))
	auditIsClean(t, d)
	require.Equal(t, 0, d.Stop())
	require.Equal(t, "ok", integrity(t, filepath.Join(disk, "ostiary.db")))
}

// smallDisk mounts a file system of its own, which takes root: without it this
// check cannot be made, and says so by failing.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size)
	if errors.Is(err, syscall.EPERM) {
		t.Skip("to mount a small disk takes root, or: unshare -rm go test …")
	}
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(dir, syscall.MNT_DETACH)) })
	return dir
}

// fill leaves no room and returns what takes it.
func fill(t testing.TB, dir string) string {
	t.Helper()
	name := filepath.Join(dir, "room")
	f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY, 0o600)
	require.NoError(t, err)
	for size := 64 << 10; size > 0; size /= 2 {
		for {
			if _, err := f.Write(make([]byte, size)); err != nil {
				require.ErrorIs(t, err, syscall.ENOSPC)
				break
			}
		}
	}
	require.NoError(t, f.Close())
	return name
}
