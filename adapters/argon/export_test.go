package argon

// Traces counts what a Gate remembers of anybody.
func (g *Gate) Traces() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.flows) + len(g.inside) + len(g.places.of) + len(g.queued.of) + g.places.all + g.queued.all
}

// NewRoom returns the take of a room.
func NewRoom(limit uint64, heap func() (held, cycles uint64), collect func()) func(bytes uint64) {
	return (&room{limit: limit, heap: heap, collect: collect}).take
}
