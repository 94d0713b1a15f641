package signin_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/app/port"
	"ostiary/app/signin"
	"ostiary/domain/outbox"
	"ostiary/domain/secret"
	"ostiary/domain/session"
	"ostiary/domain/tenant"
	"ostiary/domain/throttle"
	"ostiary/domain/user"
	"ostiary/test/fake"
	"ostiary/test/stage"
)

const (
	blink     = time.Millisecond
	linkLasts = 10 * time.Minute
	day       = 24 * time.Hour
)

// claimsOf reads an access token without proving it.
func claimsOf(t *testing.T, g signin.Grant) map[string]any {
	t.Helper()
	parts := strings.Split(g.Access.Reveal(), ".")
	require.Len(t, parts, 3)
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	require.NoError(t, err)
	var out map[string]any
	require.NoError(t, json.Unmarshal(raw, &out))
	return out
}

// ask requests a link for an address of acme.
func ask(t *testing.T, s *stage.Stage, mail string) session.Binding {
	t.Helper()
	b, err := s.Linked.Request(t.Context(), linkFor(t, "acme", mail))
	require.NoError(t, err)
	return b
}

func linkFor(t *testing.T, code, mail string) signin.LinkInput {
	t.Helper()
	return signin.LinkInput{Hints: stage.At(code), Email: fake.Address(t, mail), Origin: "192.0.2.1"}
}

// mailed asks for a link and returns the mail that carries it.
func mailed(t *testing.T, s *stage.Stage) (outbox.Mail, session.Binding) {
	t.Helper()
	before := len(s.Mailer.Sent())
	b := ask(t, s, stage.Mail)
	all := s.Deliver(t)
	require.Len(t, all, before+1)
	return all[before], b
}

func spend(t *testing.T, s *stage.Stage, token secret.Text) (signin.Grant, error) {
	t.Helper()
	return s.Linked.Validate(t.Context(), signin.ValidateInput{Token: token, Origin: "192.0.2.1"})
}

// refuses holds that a credential is refused with the one answer there is.
func refuses(t *testing.T, err error) {
	t.Helper()
	require.ErrorIs(t, err, user.ErrBadCredentials)
}

func renew(t *testing.T, s *stage.Stage, token secret.Text) (signin.Grant, error) {
	t.Helper()
	return s.Signed.Refresh(t.Context(), signin.RefreshInput{Token: token})
}

// renewed is renew where it must succeed.
func renewed(t *testing.T, s *stage.Stage, token secret.Text) signin.Grant {
	t.Helper()
	g, err := renew(t, s, token)
	require.NoError(t, err)
	return g
}

// box keeps what is put into the outbox, and how often.
type box struct {
	port.Outbox

	mu   sync.Mutex
	jobs []outbox.Job
}

func (b *box) Put(ctx context.Context, j outbox.Job, l throttle.Limit) error {
	b.mu.Lock()
	b.jobs = append(b.jobs, j)
	b.mu.Unlock()
	return b.Outbox.Put(ctx, j, l)
}

// minted keeps the links that were stored, to be looked at.
type minted struct {
	port.Links

	mu    sync.Mutex
	added []session.Link
	codes int // calls of UseCode
}

func (m *minted) Add(ctx context.Context, l session.Link) error {
	m.mu.Lock()
	m.added = append(m.added, l)
	m.mu.Unlock()
	return m.Links.Add(ctx, l)
}

func (m *minted) UseCode(ctx context.Context, t tenant.ID, u user.ID, binding, code secret.Digest, now time.Time) (session.Link, error) {
	m.mu.Lock()
	m.codes++
	m.mu.Unlock()
	return m.Links.UseCode(ctx, t, u, binding, code, now)
}
