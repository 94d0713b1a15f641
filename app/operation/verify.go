package operation

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"ostiary/app/port"
	"ostiary/domain/actor"
	"ostiary/domain/audit"
)

// Flaw says what is wrong with a chain.
type Flaw string

// The flaws. Forged is a head that the deployment's key did not sign.
const (
	Changed   Flaw = "changed"
	Removed   Flaw = "removed"
	Reordered Flaw = "reordered"
	Forged    Flaw = "forged"
	Missing   Flaw = "missing"
)

// Finding is the first flaw of one chain. Seq is 0 where the whole chain is
// concerned; Event is zero for a record that is not there.
type Finding struct {
	Chain port.AuditChain
	Flaw  Flaw
	Seq   int64
	Event audit.ID
}

// VerifyReport is what a verification read and found.
type VerifyReport struct {
	Chains   int
	Records  int64
	Findings []Finding
}

// verification is one run over all chains.
type verification struct {
	store  port.Audit
	vault  port.Vault
	heads  map[port.AuditChain]audit.Head
	named  map[port.AuditChain]bool
	report VerifyReport
}

// Verify is the operator's with audit:read. It reads every chain and names
// the first flaw of each. What was recorded since the last signature (at most
// a minute, unless a process died) is held only by its own chain.
func (s *Audit) Verify(ctx context.Context, by actor.Actor) (VerifyReport, error) {
	if err := by.MayOperate(actor.AuditRead); err != nil {
		return VerifyReport{}, err
	}
	v := &verification{store: s.store, vault: s.vault, heads: map[port.AuditChain]audit.Head{}, named: map[port.AuditChain]bool{}}
	// Heads first: a chain that grows meanwhile is then longer than its head,
	// which is no flaw.
	heads, err := s.store.Heads(ctx)
	if err != nil {
		return VerifyReport{}, fmt.Errorf("read audit heads: %w", err)
	}
	for _, h := range heads {
		v.heads[port.AuditChain{Tenant: h.Tenant, Writer: h.Writer}] = h
	}
	chains, err := s.store.Chains(ctx)
	if err != nil {
		return VerifyReport{}, fmt.Errorf("read audit chains: %w", err)
	}
	for _, c := range chains {
		if err := v.chain(ctx, c); err != nil {
			return VerifyReport{}, err
		}
	}
	if err := v.missing(ctx); err != nil {
		return VerifyReport{}, err
	}
	slices.SortStableFunc(v.report.Findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Chain.Tenant.String(), b.Chain.Tenant.String()), cmp.Compare(a.Chain.Writer.String(), b.Chain.Writer.String()))
	})
	return v.report, nil
}

func (v *verification) find(c port.AuditChain, f Flaw, seq int64, event audit.ID) {
	v.report.Findings = append(v.report.Findings, Finding{Chain: c, Flaw: f, Seq: seq, Event: event})
}

// chain walks one chain up to its first flaw.
func (v *verification) chain(ctx context.Context, c port.AuditChain) error {
	v.report.Chains++
	head, signed := v.heads[c]
	if signed && !headMAC(v.vault, head).Equal(head.MAC) {
		v.find(c, Forged, head.Seq, audit.ID{})
		return nil
	}
	var last audit.Record
	for {
		records, err := v.store.Walk(ctx, c, last.Seq, walkLimit)
		if err != nil {
			return fmt.Errorf("walk audit chain: %w", err)
		}
		for _, r := range records {
			if f, seq, event := judge(last, r, head); f != "" {
				v.find(c, f, seq, event)
				return nil
			}
			if c.Tenant.IsZero() {
				for _, n := range namedChains(r) {
					v.named[n] = true
				}
			}
			last = r
			v.report.Records++
		}
		if len(records) < walkLimit {
			break
		}
	}
	if signed && last.Seq < head.Seq {
		v.find(c, Removed, last.Seq+1, audit.ID{})
	}
	return nil
}

// judge compares a record with the one before it and with the signed end.
func judge(last, r audit.Record, head audit.Head) (f Flaw, seq int64, event audit.ID) {
	if r.Sum() != r.Digest {
		if moved(r) {
			return Reordered, r.Seq, r.ID
		}
		return Changed, r.Seq, r.ID
	}
	if r.Seq != last.Seq+1 {
		return Removed, last.Seq + 1, audit.ID{}
	}
	if r.Prev != last.Digest {
		// The record is whole and speaks of another predecessor: that one was
		// rewritten, its digest with it.
		return Changed, max(last.Seq, 1), cmp.Or(last.ID, r.ID)
	}
	if r.Seq == head.Seq && r.Digest != head.Digest {
		return Changed, r.Seq, r.ID
	}
	return "", 0, audit.ID{}
}

// nearby is how far a record is looked for that was given another place.
const nearby = 1000

// moved reports whether the record is whole but for its place.
func moved(r audit.Record) bool {
	place := r.Seq
	for r.Seq = max(1, place-nearby); r.Seq <= place+nearby; r.Seq++ {
		if r.Sum() == r.Digest {
			return true
		}
	}
	return false
}

// missing names the chains of which nothing is left, though a system chain
// says that they were begun. The chains are asked for again: one may have
// begun since.
func (v *verification) missing(ctx context.Context) error {
	chains, err := v.store.Chains(ctx)
	if err != nil {
		return fmt.Errorf("read audit chains: %w", err)
	}
	for _, c := range chains {
		delete(v.named, c)
	}
	for c := range v.named {
		v.find(c, Missing, 0, audit.ID{})
	}
	return nil
}
