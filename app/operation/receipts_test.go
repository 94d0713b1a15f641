package operation_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/app/operation"
	"ostiary/domain/actor"
	"ostiary/domain/fault"
	"ostiary/domain/tenant"
	"ostiary/domain/user"
	"ostiary/test/fake"
)

func (k *kit) receipts() *operation.Receipts {
	return operation.NewReceipts(k.tenants, fake.Vault{}, k.clock)
}

func steps(n int) []fault.Step {
	var out []fault.Step
	for i := range n {
		out = append(out, fault.Step{Name: fmt.Sprintf("step%d", i), Outcome: "passed"})
	}
	return out
}

func TestReceipt_TellsTheOrderedDecisions(t *testing.T) {
	t.Parallel()
	k := setup(t)
	s := k.receipts()
	refusal := user.ErrBadCredentials.Traced(fault.Step{Name: "user", Outcome: "found"}, fault.Step{Name: "credential", Outcome: "wrong"})

	shown := s.Issue(k.acme.ID(), "req-1", fmt.Errorf("sign in: %w", refusal))
	r, err := s.Open(t.Context(), operation.OpenReceiptInput{Caller: k.as(actor.AuditRead), Receipt: shown})

	require.NoError(t, err)
	require.Equal(t, operation.Receipt{
		At: fake.Start, Request: "req-1", Tenant: k.acme.ID(), Code: "unauthenticated", Steps: refusal.Trace(),
	}, r)
}

func TestReceipt_LengthSaysNothing(t *testing.T) {
	t.Parallel()
	k := setup(t)
	s := k.receipts()
	length := len(s.Issue(tenant.ID{}, "", errors.New("an outage")))
	for _, refusal := range []error{
		user.ErrBadCredentials,
		user.ErrBadCredentials.Traced(steps(1)...),
		user.ErrBadCredentials.Traced(steps(200)...),
		fault.New(fault.Invalid, strings.Repeat("c", 500), ""),
	} {
		require.Len(t, s.Issue(k.acme.ID(), strings.Repeat("r", 500), refusal), length)
	}
}

func TestReceipt_SaysWhenStepsWereCut(t *testing.T) {
	t.Parallel()
	k := setup(t)
	s := k.receipts()

	r, err := s.Open(t.Context(), operation.OpenReceiptInput{Caller: root, Receipt: s.Issue(k.acme.ID(), "req", user.ErrBadCredentials.Traced(steps(200)...))})

	require.NoError(t, err)
	require.True(t, r.Cut)
	require.Greater(t, len(r.Steps), 20)
	require.Equal(t, steps(len(r.Steps)), r.Steps)
}

func TestReceipt_Permissions(t *testing.T) {
	t.Parallel()
	k := setup(t)
	s := k.receipts()
	own := s.Issue(k.acme.ID(), "req", user.ErrBadCredentials)
	others := s.Issue(k.other.ID(), "req", user.ErrBadCredentials)
	nobodys := s.Issue(tenant.ID{}, "req", user.ErrBadCredentials)
	open := func(c operation.Caller, receipt string) error {
		_, err := s.Open(t.Context(), operation.OpenReceiptInput{Caller: c, Receipt: receipt})
		return err
	}
	foreign := k.as(actor.AuditRead)
	foreign.Tenant = "other"

	require.NoError(t, open(k.as(actor.AuditRead), own))
	require.ErrorIs(t, open(k.as(lacking(actor.AuditRead)...), own), actor.ErrForbidden)
	require.ErrorIs(t, open(k.as(actor.AuditRead), others), operation.ErrReceipt)
	require.ErrorIs(t, open(k.as(actor.AuditRead), nobodys), operation.ErrReceipt)
	require.ErrorIs(t, open(foreign, others), tenant.ErrNotFound)
	for _, r := range []string{own, others, nobodys} {
		require.NoError(t, open(root, r))
	}
	for _, r := range []string{"", "?", own[:len(own)-4], own + "AAAA", flipped(own), own + "="} {
		require.ErrorIs(t, open(root, r), operation.ErrReceipt)
	}
}

// flipped changes the first character.
func flipped(s string) string {
	if s[0] == 'A' {
		return "B" + s[1:]
	}
	return "A" + s[1:]
}
