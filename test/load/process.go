package load

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// Usage is what Linux says of a process.
type Usage struct {
	Memory, Peak int64         // bytes that are resident, now and at most
	CPU          time.Duration // of all its threads, in user and kernel mode
}

// clockTick is the unit of times in /proc: 100 a second on every Linux.
const clockTick = 10 * time.Millisecond

// UsageOf reads /proc.
func UsageOf(pid int) (Usage, error) {
	dir := "/proc/" + strconv.Itoa(pid)
	status, err := os.ReadFile(dir + "/status")
	if err != nil {
		return Usage{}, fmt.Errorf("load: %w", err)
	}
	stat, err := os.ReadFile(dir + "/stat")
	if err != nil {
		return Usage{}, fmt.Errorf("load: %w", err)
	}
	var u Usage
	for line := range strings.SplitSeq(string(status), "\n") {
		name, value, _ := strings.Cut(line, ":")
		kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
		switch {
		case err != nil:
		case name == "VmRSS":
			u.Memory = kib << 10
		case name == "VmHWM":
			u.Peak = kib << 10
		}
	}
	// The name in brackets may hold blanks; utime and stime are the 12th and
	// 13th fields after it (proc_pid_stat(5)).
	_, rest, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(rest)
	if u.Memory == 0 || len(fields) < 13 {
		return Usage{}, fmt.Errorf("load: nothing to read of process %d", pid)
	}
	for _, field := range fields[11:13] {
		ticks, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return Usage{}, fmt.Errorf("load: %w", err)
		}
		u.CPU += time.Duration(ticks) * clockTick
	}
	return u, nil
}
