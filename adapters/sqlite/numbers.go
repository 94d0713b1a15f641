package sqlite

import (
	"context"
	"sync"

	"ostiary/app/port"
	"ostiary/domain/company"
	"ostiary/domain/contact"
	"ostiary/domain/tenant"
)

const (
	// block is how many numbers one write reserves.
	block = 64
	// reserves bounds the blocks kept in memory. Gaps are allowed, so a block
	// may be given up at any time.
	reserves = 4096
)

// Numbers implements port.Numbers. One value per process, or ids would not
// rise within it.
type Numbers struct {
	db *DB

	mu     sync.Mutex
	blocks map[sequence]*reserve
}

type sequence struct {
	tenant tenant.ID
	kind   string
}

// reserve is the unused rest of a block.
type reserve struct {
	mu        sync.Mutex
	next, end int64
}

var _ port.Numbers = (*Numbers)(nil)

// NewNumbers returns the numbers of db.
func NewNumbers(db *DB) *Numbers { return &Numbers{db: db, blocks: map[sequence]*reserve{}} }

// Company implements port.Numbers.
func (s *Numbers) Company(ctx context.Context, t tenant.ID) (company.ID, error) {
	return take(ctx, s, sequence{t, "company"}, company.IDOf)
}

// Contact implements port.Numbers.
func (s *Numbers) Contact(ctx context.Context, t tenant.ID) (contact.ID, error) {
	return take(ctx, s, sequence{t, "contact"}, contact.IDOf)
}

// Tag implements port.Numbers.
func (s *Numbers) Tag(ctx context.Context, t tenant.ID) (contact.TagID, error) {
	return take(ctx, s, sequence{t, "tag"}, contact.TagIDOf)
}

func take[N any](ctx context.Context, s *Numbers, q sequence, of func(int64) (N, error)) (N, error) {
	n, err := s.next(ctx, q)
	if err != nil {
		var zero N
		return zero, err
	}
	return of(n)
}

func (s *Numbers) next(ctx context.Context, q sequence) (int64, error) {
	r := s.reserve(q)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.next == r.end {
		end, err := s.extend(ctx, q)
		if err != nil {
			return 0, err
		}
		r.next, r.end = end-block, end
	}
	r.next++
	return r.next - 1, nil
}

func (s *Numbers) reserve(q sequence) *reserve {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.blocks[q]
	if !ok {
		if len(s.blocks) >= reserves {
			clear(s.blocks)
		}
		r = &reserve{}
		s.blocks[q] = r
	}
	return r
}

// extend reserves a block and returns the first number after it.
func (s *Numbers) extend(ctx context.Context, q sequence) (end int64, err error) {
	err = s.db.write(ctx, "reserve numbers", func(x *tx) error {
		_, err := x.one(q.tenant, `
			INSERT INTO numbers (tenant, kind, next) VALUES (?1, ?2, 1 + ?3)
			ON CONFLICT (tenant, kind) DO UPDATE SET next = next + ?3
			RETURNING next`, func(r *row) { end = r.int() }, q.kind, block)
		return err
	})
	return end, err
}
