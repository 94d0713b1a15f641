package operation

// SetLimit bounds the tails of a recorder lower than any deployment would.
func (r *Recorder) SetLimit(n int) { r.limit = n }
