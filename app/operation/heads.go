package operation

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"ostiary/app/port"
	"ostiary/domain/audit"
	"ostiary/domain/secret"
	"ostiary/domain/tenant"
)

const (
	headPurpose = "audit-head"

	// Actions in the system's chain by which a chain that is missing with its
	// head and all is missed.
	chainBegun  = "audit.chain"
	writerBegun = "audit.writer"

	// predecessors is how many earlier writers a new one names.
	predecessors = 16
)

// SignHeads signs the end of every chain that grew since it was last signed.
// It is called once a minute and at stop; afterwards nothing that was recorded
// before the call can be cut off unseen.
func (r *Recorder) SignHeads(ctx context.Context) error {
	r.naming.Lock()
	defer r.naming.Unlock()
	if err := r.name(ctx); err != nil {
		return err
	}
	return r.sign(ctx)
}

// name records in the system's chain which chains this writer has begun since
// the last time and, the first time, which writers were there before it.
func (r *Recorder) name(ctx context.Context) error {
	r.mu.Lock()
	writer, joined, left := r.writer, r.joined, len(r.unnamed)
	begun := append(slices.Clone(r.unnamed), r.unnamedNow()...)
	idle := len(r.tails) == 0
	r.mu.Unlock()
	if idle && left == 0 {
		return nil
	}
	var events []audit.Event
	if !joined {
		e, err := r.ancestry(ctx, writer)
		if err != nil {
			return err
		}
		events = append(events, e)
	}
	for _, c := range begun {
		events = append(events, systemEvent(chainBegun, chainTarget(c)))
	}
	for group := range slices.Chunk(events, maxGroup) {
		if err := r.Record(ctx, group...); err != nil {
			return fmt.Errorf("name audit chains: %w", err)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.unnamed = r.unnamed[left:]
	if r.writer != writer {
		return nil // renewed meanwhile: what was named once is named again
	}
	r.joined = true
	for _, c := range begun {
		if t := r.tails[c.Tenant]; t != nil && c.Writer == writer {
			t.named = true
		}
	}
	return nil
}

// unnamedNow lists the present writer's chains that no record names yet. The
// caller holds r.mu.
func (r *Recorder) unnamedNow() []port.AuditChain {
	var out []port.AuditChain
	for id, t := range r.tails {
		if !t.named && t.seq > 0 && !id.IsZero() {
			out = append(out, port.AuditChain{Tenant: id, Writer: r.writer})
		}
	}
	return out
}

// ancestry names the writers whose system chains ended last.
func (r *Recorder) ancestry(ctx context.Context, own audit.WriterID) (audit.Event, error) {
	heads, err := r.store.Heads(ctx)
	if err != nil {
		return audit.Event{}, fmt.Errorf("read audit heads: %w", err)
	}
	heads = slices.DeleteFunc(heads, func(h audit.Head) bool { return !h.Tenant.IsZero() || h.Writer == own })
	slices.SortFunc(heads, func(a, b audit.Head) int {
		return cmp.Or(b.At.Compare(a.At), cmp.Compare(b.Writer.String(), a.Writer.String()))
	})
	e := systemEvent(writerBegun, "writer:"+own.String())
	e.Details = map[string]string{}
	for i, h := range heads[:min(len(heads), predecessors)] {
		e.Details["after"+strconv.Itoa(i)] = h.Writer.String()
	}
	return e, nil
}

func systemEvent(action, target string) audit.Event {
	return audit.Event{Actor: "system:", Action: action, Target: target, Outcome: audit.Granted}
}

const chainPrefix = "chain:"

func chainTarget(c port.AuditChain) string {
	return chainPrefix + c.Tenant.String() + "/" + c.Writer.String()
}

// sign stores a head for every tail that moved. One runs at a time, so that no
// older head replaces a newer one.
func (r *Recorder) sign(ctx context.Context) error {
	r.signing.Lock()
	defer r.signing.Unlock()
	now := r.clock.Now()
	r.mu.Lock()
	writer := r.writer
	var heads []audit.Head
	for id, t := range r.tails {
		if t.seq > t.signed {
			heads = append(heads, audit.Head{Tenant: id, Writer: writer, Seq: t.seq, Digest: t.digest, At: now})
		}
	}
	r.mu.Unlock()
	for i := range heads {
		heads[i].MAC = headMAC(r.vault, heads[i])
	}
	for group := range slices.Chunk(heads, maxGroup) {
		if err := r.store.Sign(ctx, group); err != nil {
			return fmt.Errorf("sign audit heads: %w", err)
		}
		r.mu.Lock()
		for _, h := range group {
			if t := r.tails[h.Tenant]; t != nil && r.writer == writer {
				t.signed = h.Seq
			}
		}
		r.mu.Unlock()
	}
	return nil
}

// renew ends this writer and goes on as a new one without any tails. Only the
// drain calls it, so that no tail moves meanwhile.
func (r *Recorder) renew(ctx context.Context) error {
	if err := r.sign(ctx); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.unnamed = append(r.unnamed, r.unnamedNow()...)
	r.writer = audit.WriterIDFromBytes(r.random.UUID())
	r.tails, r.joined = map[tenant.ID]*tail{}, false
	return nil
}

func headMAC(vault port.Vault, h audit.Head) secret.Digest {
	return vault.MAC(headPurpose, h.Signed())
}

// namedChains returns the chains that a record of a system chain says exist.
func namedChains(rec audit.Record) []port.AuditChain {
	switch rec.Action {
	case chainBegun:
		owner, writer, _ := strings.Cut(strings.TrimPrefix(rec.Target, chainPrefix), "/")
		t, err := tenant.ParseID(owner)
		w, err2 := audit.ParseWriterID(writer)
		if err != nil || err2 != nil {
			return nil
		}
		return []port.AuditChain{{Tenant: t, Writer: w}}
	case writerBegun:
		var out []port.AuditChain
		for _, v := range rec.Details {
			if w, err := audit.ParseWriterID(v); err == nil {
				out = append(out, port.AuditChain{Writer: w})
			}
		}
		return out
	default:
		return nil
	}
}
