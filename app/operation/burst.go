package operation

import (
	"encoding/json"
	"strconv"

	"ostiary/domain/audit"
)

// timesDetail says how many refusals a record stands for; without it, one.
const timesDetail = "times"

// fold makes one event of refusals of strangers that share a write and tell the
// same: a flood then costs the trail one record a write instead of thousands.
// Whoever waits for the write waits alike, whatever it is folded into, so that
// no time tells one cause from another. The first one lends its time and its
// request.
func fold(group []*entry) []audit.Event {
	var out []audit.Event
	first, times := map[string]int{}, map[int]int{}
	for _, e := range group {
		for _, ev := range e.events {
			key, ok := burstKey(ev)
			if !ok {
				out = append(out, ev)
				continue
			}
			at, met := first[key]
			if !met {
				at = len(out)
				first[key] = at
				out = append(out, ev)
			}
			times[at]++
		}
	}
	for at, n := range times {
		if n > 1 {
			out[at] = out[at].With(timesDetail, strconv.Itoa(n))
		}
	}
	return out
}

// burstKey is what refusals of a burst have in common. What was decided about
// somebody proven is never folded.
func burstKey(e audit.Event) (string, bool) {
	if e.Outcome != audit.Refused || e.Actor != audit.Anonymous {
		return "", false
	}
	key, err := json.Marshal([]any{e.Tenant.String(), e.Action, e.Target, e.Details})
	return string(key), err == nil
}
