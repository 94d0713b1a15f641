package operation

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"ostiary/app/port"
	"ostiary/domain/fault"
	"ostiary/domain/secret"
	"ostiary/domain/tenant"
)

// Refusals of copying a store.
var (
	ErrSourceEmpty    = fault.New(fault.Conflict, "copy_source_empty", "There is nothing to copy: the source is empty.")
	ErrTargetNotEmpty = fault.New(fault.Conflict, "copy_target_not_empty", "The target is not empty. A store is copied into a new one only.")
	ErrSourceChanged  = fault.New(fault.Conflict, "copy_source_changed",
		"The source is not what it was when this copy began. Stop whatever serves it, remove the target and begin again.")
	ErrCopyRefused = fault.New(fault.Conflict, "copy_refused",
		"The target does not take a record. If the source was served meanwhile, stop that, remove the target and begin again.")
	ErrCopyDiffers = fault.New(fault.Conflict, "copy_differs",
		"The target does not hold what the source holds. Stop whatever serves the source, remove the target and begin again.")
)

// CopyStep says what a copy is doing.
type CopyStep string

// A copy writes first and reads both sides afterwards.
const (
	Copying   CopyStep = "copying"
	Comparing CopyStep = "comparing"
)

// CopyProgress counts records. Done begins above zero when a copy is resumed.
type CopyProgress struct {
	Step    CopyStep
	Section string
	Done    int64
	Total   int64
}

// CopiedSection is what both stores hold of one section. The digest says
// nothing of one record to whoever does not know all of them.
type CopiedSection struct {
	Section string
	Records int64
	Digest  secret.Digest
}

// CopyDifference names where the stores differ. Code is empty for what belongs
// to no tenant, or to one that is gone.
type CopyDifference struct {
	Section        string
	Tenant         tenant.ID
	Code           tenant.Code
	Source, Target int64 // records
}

// CopyReport is what a comparison found.
type CopyReport struct {
	Sections    []CopiedSection
	Differences []CopyDifference
}

// Copier carries all that one store holds into another one. Nobody may write
// to either meanwhile: what is written to the source during a copy shows as a
// difference at its end, if it does not come along.
type Copier struct {
	from, to port.Archive
	report   func(CopyProgress)
}

// NewCopier takes whom to tell of progress, on the goroutine that copies.
func NewCopier(from, to port.Archive, report func(CopyProgress)) *Copier {
	return &Copier{from: from, to: to, report: report}
}

const (
	copyBatch = 500
	// copyBlobs is the same for pictures, which are large.
	copyBlobs = 16
)

func batchOf(s port.Section) int {
	if s == port.SectionBlobs {
		return copyBlobs
	}
	return copyBatch
}

// place is what one tenant, or nobody, has in one section.
type place struct {
	section port.Section
	tenant  tenant.ID
	records int64
}

// beyond reports whether p comes after the place that a copy has reached.
func (p place) beyond(c port.Checkpoint) bool {
	return compare(p, place{section: c.Section, tenant: c.Tenant}) > 0
}

func (p place) at(c port.Checkpoint) bool { return p.section == c.Section && p.tenant == c.Tenant }

// compare orders places as they are copied; a section that is none comes first.
func compare(a, b place) int {
	order := port.Sections()
	if n := slices.Index(order, a.section) - slices.Index(order, b.section); n != 0 {
		return n
	}
	x, y := a.tenant.Bytes(), b.tenant.Bytes()
	return bytes.Compare(x[:], y[:])
}

// Copy copies and compares. The target must be empty, or hold the beginning of
// a copy of the same source: that one is taken up where it stopped. It returns
// ErrCopyDiffers together with the report. Until a comparison found no
// difference the target serves nobody.
func (c *Copier) Copy(ctx context.Context) (CopyReport, error) {
	reached, err := c.begin(ctx)
	if err != nil {
		return CopyReport{}, err
	}
	if err := c.copyAll(ctx, reached); err != nil {
		return CopyReport{}, err
	}
	out, err := c.compareAll(ctx)
	if err != nil {
		return CopyReport{}, err
	}
	if len(out.Differences) > 0 {
		return out, ErrCopyDiffers
	}
	if err := c.to.SetCheckpoint(ctx, port.Checkpoint{}); err != nil {
		return CopyReport{}, fmt.Errorf("finish copy: %w", err)
	}
	return out, nil
}

// begin marks the target, or finds how far an earlier copy came.
func (c *Copier) begin(ctx context.Context) (port.Checkpoint, error) {
	empty, err := c.from.Empty(ctx)
	if err != nil {
		return port.Checkpoint{}, fmt.Errorf("look at source: %w", err)
	}
	if empty {
		return port.Checkpoint{}, ErrSourceEmpty
	}
	source, err := fingerprint(ctx, c.from)
	if err != nil {
		return port.Checkpoint{}, fmt.Errorf("look at source: %w", err)
	}
	reached, err := c.to.Checkpoint(ctx)
	if err != nil {
		return port.Checkpoint{}, fmt.Errorf("look at target: %w", err)
	}
	if reached != (port.Checkpoint{}) {
		if reached.Source != source {
			return port.Checkpoint{}, ErrSourceChanged
		}
		return reached, nil
	}
	if empty, err = c.to.Empty(ctx); err != nil {
		return port.Checkpoint{}, fmt.Errorf("look at target: %w", err)
	}
	if !empty {
		return port.Checkpoint{}, ErrTargetNotEmpty
	}
	reached = port.Checkpoint{Source: source}
	if err := c.to.SetCheckpoint(ctx, reached); err != nil {
		return port.Checkpoint{}, fmt.Errorf("begin copy: %w", err)
	}
	return reached, nil
}

// placesIn lists all that a store holds, in the order in which it is copied.
func placesIn(ctx context.Context, a port.Archive) ([]place, error) {
	var out []place
	for _, s := range port.Sections() {
		owners := []tenant.ID{{}}
		if !s.Shared() {
			var err error
			if owners, err = a.Owners(ctx, s); err != nil {
				return nil, err
			}
		}
		for _, t := range owners {
			n, err := a.Count(ctx, t, s)
			if err != nil {
				return nil, err
			}
			out = append(out, place{section: s, tenant: t, records: n})
		}
	}
	return out, nil
}

func recordsIn(places []place) (n int64) {
	for _, p := range places {
		n += p.records
	}
	return n
}

// copyAll copies what lies beyond the checkpoint.
func (c *Copier) copyAll(ctx context.Context, reached port.Checkpoint) error {
	places, err := placesIn(ctx, c.from)
	if err != nil {
		return fmt.Errorf("look at source: %w", err)
	}
	run := &copying{Copier: c, reached: reached, total: recordsIn(places)}
	for _, p := range places {
		after := ""
		switch {
		case p.at(reached):
			after = reached.After
		case !p.beyond(reached):
			continue
		}
		if err := run.place(ctx, p, after); err != nil {
			return err
		}
	}
	return run.mark(ctx)
}

// copying is one run of the first step.
type copying struct {
	*Copier
	reached  port.Checkpoint
	unmarked int64 // records written since the checkpoint was stored
	total    int64
}

func (r *copying) place(ctx context.Context, p place, after string) error {
	return each(ctx, r.from, p, after, func(rs []port.Record) error {
		if err := r.to.Write(ctx, p.tenant, p.section, rs); err != nil {
			return refused(p, err)
		}
		n := int64(len(rs))
		r.reached.Section, r.reached.Tenant, r.reached.After = p.section, p.tenant, rs[len(rs)-1].Key
		r.reached.Copied += n
		r.tell(p.section)
		// Writing twice what was written changes nothing, so a checkpoint may
		// lag behind: a store of many small tenants has few of them.
		if r.unmarked += n; r.unmarked >= copyBatch || p.section == port.SectionBlobs {
			return r.mark(ctx)
		}
		return nil
	})
}

func (r *copying) mark(ctx context.Context) error {
	r.unmarked = 0
	if err := r.to.SetCheckpoint(ctx, r.reached); err != nil {
		return fmt.Errorf("store checkpoint: %w", err)
	}
	return nil
}

func (r *copying) tell(s port.Section) {
	// A source that grows must not show more than everything.
	r.total = max(r.total, r.reached.Copied)
	r.report(CopyProgress{Step: Copying, Section: string(s), Done: r.reached.Copied, Total: r.total})
}

// refused keeps what the target says of a record apart from what the copy as a
// whole is refused for.
func refused(p place, err error) error {
	err = fmt.Errorf("write %s of tenant %q: %w", p.section, p.tenant, err)
	if f := fault.Of(err); f != nil && f.Kind() != fault.Unavailable {
		return ErrCopyRefused.Because(err)
	}
	return err
}

// each hands over the records of a place in batches, none of them empty.
func each(ctx context.Context, a port.Archive, p place, after string, do func([]port.Record) error) error {
	limit := batchOf(p.section)
	for {
		if err := ctx.Err(); err != nil {
			return port.ErrUnavailable.Because(err)
		}
		rs, err := a.Read(ctx, p.tenant, p.section, after, limit)
		if err != nil {
			return fmt.Errorf("read %s of tenant %q: %w", p.section, p.tenant, err)
		}
		if len(rs) == 0 {
			return nil
		}
		if err := do(rs); err != nil || len(rs) < limit {
			return err
		}
		after = rs[len(rs)-1].Key
	}
}
