package system

// AsInFile lists the regions by their two ends.
func AsInFile(smaps, file string) (out [][2]uintptr) {
	for _, r := range asInFile(smaps, file) {
		out = append(out, [2]uintptr{r.from, r.to})
	}
	return out
}
