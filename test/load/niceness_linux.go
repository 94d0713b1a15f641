package load

import (
	"fmt"
	"os"
	"strconv"
	"syscall"
)

// rawNiceness is what the system call adds to the negative niceness.
const rawNiceness = 20

// NicenessOf returns the niceness that all threads of the process have, or an
// error when they differ.
func NicenessOf(pid int) (int, error) {
	tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		return 0, fmt.Errorf("load: %w", err)
	}
	of := map[int]bool{}
	last := 0
	for _, task := range tasks {
		tid, err := strconv.Atoi(task.Name())
		if err != nil {
			return 0, fmt.Errorf("load: %w", err)
		}
		if given, err := syscall.Getpriority(syscall.PRIO_PROCESS, tid); err == nil { // or it has ended
			last = rawNiceness - given
			of[last] = true
		}
	}
	if len(of) != 1 {
		return 0, fmt.Errorf("load: threads of process %d have %d kinds of niceness", pid, len(of))
	}
	return last, nil
}
