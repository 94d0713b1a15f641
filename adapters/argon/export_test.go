package argon

// Traces counts what a Gate remembers of anybody.
func (g *Gate) Traces() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.flows) + len(g.inside) + len(g.places.of) + len(g.queued.of) + g.places.all + g.queued.all
}

// Room is the room of hashes.
type Room struct{ room *room }

// NewRoom makes one of so many bytes.
func NewRoom(limit uint64, heap func() (held, cycles uint64), collect func()) Room {
	return Room{&room{limit: limit, heap: heap, collect: collect}}
}

// Take is what a hash takes; leave gives it back.
func (r Room) Take(bytes uint64) (leave func()) { return r.room.take(bytes) }

// Do does a job in it.
func (r Room) Do(j Job) error { return hashing(r).Do(j, &Done{}) }
