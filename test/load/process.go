package load

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Usage is what Linux says of a process and of those that it has started. What
// these share with any other, such as the pages of the file that all of them
// run, is in memory once and is taken to be the first's. The peak is the sum of
// their peaks, which need not have been at once.
type Usage struct {
	Memory, Peak int64         // bytes that are resident, now and at most
	CPU          time.Duration // of all its threads, in user and kernel mode
}

// clockTick is the unit of times in /proc: 100 a second on every Linux.
const clockTick = 10 * time.Millisecond

// UsageOf reads /proc.
func UsageOf(pid int) (Usage, error) {
	sum, err := usage(pid)
	if err != nil {
		return Usage{}, err
	}
	children, err := ChildrenOf(pid)
	if err != nil {
		return Usage{}, err
	}
	for _, child := range children {
		u, err := usage(child)
		if err != nil {
			continue // it has ended
		}
		shared, err := shared(child)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
			continue
		}
		if err != nil {
			return Usage{}, err
		}
		sum.Memory, sum.Peak, sum.CPU = sum.Memory+u.Memory-shared, sum.Peak+u.Peak-shared, sum.CPU+u.CPU
	}
	return sum, nil
}

// ChildrenOf returns the processes that the process has started and that have
// not ended. It asks each of its threads.
func ChildrenOf(pid int) (pids []int, err error) {
	main := fmt.Sprintf("/proc/%d/task/%d/children", pid, pid)
	if _, err := os.Stat(main); err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	lists, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	for _, list := range lists {
		text, _ := os.ReadFile(list) // a thread may have ended
		for field := range strings.FieldsSeq(string(text)) {
			child, err := strconv.Atoi(field)
			if err != nil {
				return nil, fmt.Errorf("load: %w", err)
			}
			pids = append(pids, child)
		}
	}
	return pids, nil
}

// shared is what a process has in its memory that others have as well, in bytes
// (smaps_rollup of proc_pid_smaps(5)).
func shared(pid int) (bytes int64, err error) {
	of, err := members(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	return of["Shared_Clean"] + of["Shared_Dirty"], err
}

// members reads lines of "name: n kB" into bytes.
func members(file string) (map[string]int64, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	out := map[string]int64{}
	for line := range strings.SplitSeq(string(text), "\n") {
		name, value, _ := strings.Cut(line, ":")
		kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
		if err == nil {
			out[name] = kib << 10
		}
	}
	return out, nil
}

// usage is of one process.
func usage(pid int) (u Usage, err error) {
	dir := "/proc/" + strconv.Itoa(pid)
	status, err := members(dir + "/status")
	if err != nil {
		return Usage{}, err
	}
	u.Memory, u.Peak = status["VmRSS"], status["VmHWM"]
	stat, err := os.ReadFile(dir + "/stat")
	if err != nil {
		return Usage{}, fmt.Errorf("load: %w", err)
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
