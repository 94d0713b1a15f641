package system

import (
	"os"
	"strconv"
	"strings"
	"syscall"
)

// ForgetStart lets go of the program's own code and constants: most of what is
// resident of them only the start needed. What is needed again comes from the
// file, which Linux still has in its cache and takes out of it when memory is
// short. It does nothing where it cannot be sure that memory and file are the
// same.
func ForgetStart() {
	self, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	maps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		return
	}
	for _, r := range asInFile(string(maps), self) {
		// Not even an error would be worth anything: nothing depends on it.
		_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, r.from, r.to-r.from, syscall.MADV_DONTNEED)
	}
}

// region is a range of addresses.
type region struct{ from, to uintptr }

// asInFile lists the regions of a smaps (proc_pid_smaps(5)) that nobody can have
// written to and nobody has: a linker or a debugger may have, before it took
// the right to write away again.
func asInFile(smaps, file string) (out []region) {
	var now region
	vows := 0 // that nothing in it was written to: it is neither in memory nor in swap
	for line := range strings.Lines(smaps) {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		key, isValue := strings.CutSuffix(fields[0], ":")
		switch {
		case !isValue:
			now, vows = header(fields, file), 0
		case (key == "Anonymous" || key == "Swap") && fields[1] == "0":
			vows++
		}
		if vows == 2 && now != (region{}) {
			out = append(out, now)
			now = region{}
		}
	}
	return out
}

// header reads "from-to perms offset device inode path". It returns the zero
// region unless that is a part of the file that cannot be written to.
func header(fields []string, file string) region {
	if len(fields) < 6 || strings.Join(fields[5:], " ") != file || !strings.HasPrefix(fields[1], "r-") || !strings.HasSuffix(fields[1], "p") {
		return region{}
	}
	from, to, _ := strings.Cut(fields[0], "-")
	low, err := strconv.ParseUint(from, 16, strconv.IntSize)
	if err != nil {
		return region{}
	}
	high, err := strconv.ParseUint(to, 16, strconv.IntSize)
	if err != nil || high <= low {
		return region{}
	}
	return region{uintptr(low), uintptr(high)}
}
