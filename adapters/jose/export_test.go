package jose

// Remembered counts the tokens whose signature is known to hold.
func (t *Tokens) Remembered() int {
	t.proven.cache.CleanUp()
	return t.proven.cache.EstimatedSize()
}

// Remember forgets all of them, and gives those to come so many bytes.
func (t *Tokens) Remember(bytes uint64) { t.proven = newProven(bytes, t.ring.clock.Now) }
