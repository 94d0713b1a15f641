package mongo

import (
	"sync"

	"go.mongodb.org/mongo-driver/bson/primitive"
)

// posting is what one caller wants to be done with a company's documents. Who
// is in the company's lane may read and write it.
type posting struct {
	entries []entry
	done    bool
	out     []outcome
	err     error
}

// queue holds the postings of this process that wait for the lane of their
// company. Whoever enters it takes along what waits, so that a company which
// many write to costs no more steps than one that few do.
type queue struct {
	mu      sync.Mutex
	waiting map[string][]*posting
}

func (q *queue) join(id primitive.Binary, p *posting) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.waiting == nil {
		q.waiting = map[string][]*posting{}
	}
	q.waiting[string(id.Data)] = append(q.waiting[string(id.Data)], p)
}

// quit takes a posting back that nobody has taken along.
func (q *queue) quit(id primitive.Binary, p *posting) {
	q.mu.Lock()
	defer q.mu.Unlock()
	var rest []*posting
	for _, w := range q.waiting[string(id.Data)] {
		if w != p {
			rest = append(rest, w)
		}
	}
	q.keep(id, rest)
}

// next hands out the postings that have waited longest: as many as one journal
// has room for, but one at least.
func (q *queue) next(id primitive.Binary) []*posting {
	q.mu.Lock()
	defer q.mu.Unlock()
	all := q.waiting[string(id.Data)]
	n, room := 0, atOnce
	for n < len(all) && (n == 0 || len(all[n].entries) <= room) {
		room -= len(all[n].entries)
		n++
	}
	q.keep(id, all[n:])
	return all[:n]
}

func (q *queue) keep(id primitive.Binary, rest []*posting) {
	if len(rest) == 0 {
		delete(q.waiting, string(id.Data))
		return
	}
	q.waiting[string(id.Data)] = rest
}
