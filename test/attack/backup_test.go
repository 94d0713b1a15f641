package attack_test

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/test/program"
)

// Test106_BackupUnderLoad copies the database by VACUUM INTO while people
// write, and goes on from the copy: it is whole, what was acknowledged before
// the copy is in it, and what was spent before it stays spent. SQLite only:
// MongoDB is backed up by its own means.
func Test106_BackupUnderLoad(t *testing.T) {
	t.Parallel()
	d := program.Deploy(t, append([]string{"OSTIARY_PUBLIC_URL=http://127.0.0.1:1"}, program.Cheap...)...)
	d.Start()
	p := d.Found("copied")
	robbed := d.SignIn(p)
	second := program.TokensOf(t, d.Must(200, program.Refresh(robbed.Refresh)))
	current := program.TokensOf(t, d.Must(200, program.Refresh(second.Refresh)))
	left := d.Tokens(d.Must(200, program.Login(p.Code, program.FirstPassword)))
	d.Must(204, program.Request{Method: "POST", Path: "/api/v1/portal/auth/logout", Bearer: left.Access})
	d.Must(200, program.AskForLink(p.Code, program.Address))
	link := d.LettersOf(p.Code, 1)[0]
	d.Must(200, program.Validate(link.Token))
	var hired hiring
	hired.go4(d, p)
	require.Eventually(t, func() bool { return hired.n.Load() > 10 }, program.Patience, time.Millisecond)

	before := hired.so()
	to := filepath.Join(t.TempDir(), "ostiary.db")
	runIn(t, databaseOf(d), "VACUUM INTO ?", to)
	during := hired.n.Load() - int64(len(before))
	hired.stop()
	d.Kill()

	require.Equal(t, "ok", integrity(t, to))
	key, err := os.ReadFile(databaseOf(d) + ".key")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(to+".key", key, 0o600))
	d.Env = append(d.Env, "OSTIARY_STORAGE=sqlite:"+to)
	d.Start()
	for _, id := range before {
		d.Must(200, program.Operator("GET", "/tenants/copied/contacts/"+id, ""))
	}
	figure(t, "contacts_before", len(before))
	figure(t, "contacts_during", during)
	d.Must(401, program.Validate(link.Token))
	d.Must(401, program.Visit("/me", left))
	d.Must(401, program.Refresh(left.Refresh))
	d.Must(200, program.Visit("/me", current))
	d.Must(200, program.Refresh(current.Refresh))
	d.Must(401, program.Refresh(robbed.Refresh))
	auditIsClean(t, d)
}

// hiring makes contacts from several sides at once.
type hiring struct {
	wg   sync.WaitGroup
	over atomic.Bool
	n    atomic.Int64
	mu   sync.Mutex
	ids  []string
}

func (h *hiring) go4(d *program.Deployment, p program.Portal) {
	for who := range 4 {
		h.wg.Go(func() {
			for i := 0; !h.over.Load(); i++ {
				res := d.Send(program.Operator("POST", "/tenants/"+p.Code+"/contacts", fmt.Sprintf(
					`{"firstName":"Somebody","email":"hired%d.%d@globex.example","companies":[{"id":%s,"isPrimary":true}]}`, who, i, p.Globex)))
				if res.Status == 201 {
					h.mu.Lock()
					h.ids = append(h.ids, res.Number(d.T))
					h.mu.Unlock()
					h.n.Add(1)
				}
			}
		})
	}
}

// so are those acknowledged so far.
func (h *hiring) so() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.ids[:len(h.ids):len(h.ids)]
}

func (h *hiring) stop() {
	h.over.Store(true)
	h.wg.Wait()
}
