package operation

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"

	"ostiary/app/port"
	"ostiary/domain/secret"
	"ostiary/domain/tenant"
)

// extent is how much there is of something, and what.
type extent struct {
	records int64
	digest  secret.Digest
}

// compareAll reads both stores, also what one of them alone has and what the
// source had not when the copy began.
func (c *Copier) compareAll(ctx context.Context) (CopyReport, error) {
	places, err := placesIn(ctx, c.from)
	if err != nil {
		return CopyReport{}, fmt.Errorf("look at source: %w", err)
	}
	there, err := placesIn(ctx, c.to)
	if err != nil {
		return CopyReport{}, fmt.Errorf("look at target: %w", err)
	}
	places = append(places, there...)
	slices.SortStableFunc(places, compare) // the source's count comes first
	places = slices.CompactFunc(places, func(a, b place) bool { return compare(a, b) == 0 })
	run := &comparing{Copier: c, total: recordsIn(places)}
	for _, s := range port.Sections() {
		run.out.Sections = append(run.out.Sections, CopiedSection{Section: string(s), Digest: secret.DigestOf(nil)})
	}
	for _, p := range places {
		if err := run.place(ctx, p); err != nil {
			return CopyReport{}, err
		}
	}
	return run.out, c.nameTenants(ctx, run.out.Differences)
}

// comparing is one run of the second step.
type comparing struct {
	*Copier
	out         CopyReport
	done, total int64
}

func (r *comparing) place(ctx context.Context, p place) error {
	source, err := measure(ctx, r.from, p)
	if err != nil {
		return fmt.Errorf("read source: %w", err)
	}
	target, err := measure(ctx, r.to, p)
	if err != nil {
		return fmt.Errorf("read target: %w", err)
	}
	if source != target {
		r.out.Differences = append(r.out.Differences, CopyDifference{
			Section: string(p.section), Tenant: p.tenant, Source: source.records, Target: target.records,
		})
	}
	r.add(p, source)
	r.done += p.records
	r.report(CopyProgress{Step: Comparing, Section: string(p.section), Done: r.done, Total: r.total})
	return nil
}

// add takes a place of the source into its section.
func (r *comparing) add(p place, e extent) {
	s, t := &r.out.Sections[slices.Index(port.Sections(), p.section)], p.tenant.Bytes()
	s.Records += e.records
	s.Digest = secret.DigestOf(slices.Concat(s.Digest[:], t[:], e.digest[:]))
}

// measure reads all records of a place.
func measure(ctx context.Context, a port.Archive, p place) (extent, error) {
	h := sha256.New()
	var out extent
	err := each(ctx, a, p, "", func(rs []port.Record) error {
		for _, r := range rs {
			if err := encode(h, r); err != nil {
				return err
			}
		}
		out.records += int64(len(rs))
		return nil
	})
	out.digest = secret.Digest(h.Sum(nil))
	return out, err
}

// fingerprint tells stores apart, and states of one store: whoever serves it
// signs audit heads.
func fingerprint(ctx context.Context, a port.Archive) (secret.Digest, error) {
	var all []byte
	for _, s := range []port.Section{port.SectionTenants, port.SectionKeys, port.SectionHeads} {
		e, err := measure(ctx, a, place{section: s})
		if err != nil {
			return secret.Digest{}, err
		}
		all = append(all, e.digest[:]...)
	}
	return secret.DigestOf(all), nil
}

// nameTenants adds codes to differences, for people to read.
func (c *Copier) nameTenants(ctx context.Context, differences []CopyDifference) error {
	if len(differences) == 0 {
		return nil
	}
	codes := map[tenant.ID]tenant.Code{}
	err := each(ctx, c.from, place{section: port.SectionTenants}, "", func(rs []port.Record) error {
		for _, r := range rs {
			if s, ok := r.Value.(tenant.Snapshot); ok {
				codes[s.ID] = s.Code
			}
		}
		return nil
	})
	for i, d := range differences {
		differences[i].Code = codes[d.Tenant]
	}
	return err
}
