package argon

// Traces counts what a Gate remembers of anybody.
func (g *Gate) Traces() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.flows) + len(g.inside) + len(g.places.of) + len(g.queued.of) + g.places.all + g.queued.all
}
