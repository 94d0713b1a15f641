package admin

import (
	"maps"
	"slices"
	"time"

	"ostiary/app/operation"
	"ostiary/domain/audit"
	"ostiary/domain/keyset"
)

type shownEvent struct {
	ID        string            `json:"id"`
	At        string            `json:"at"`
	Actor     string            `json:"actor"`
	Action    string            `json:"action"`
	Target    string            `json:"target"`
	Outcome   audit.Outcome     `json:"outcome"`
	RequestID string            `json:"requestId"`
	Details   map[string]string `json:"details"`
}

func (a *API) listEvents(r *request) (answer, error) {
	query, err := eventQuery(r)
	if err != nil {
		return answer{}, err
	}
	items, more, err := a.use.Audit.List(r.Context(), operation.ListEventsInput{Caller: r.operation(), Query: query})
	if err != nil {
		return answer{}, err
	}
	return listed(items, more, showEvent, func(e audit.Record) string { return e.ID.String() })
}

func eventQuery(r *request) (operation.AuditQuery, error) {
	var f form
	s, err := spanOf(r, &f, audit.ParseID)
	if err != nil {
		return operation.AuditQuery{}, err
	}
	out := operation.AuditQuery{Before: s.after, Limit: s.limit}
	if out.Actor, err = r.Query("actor"); err != nil {
		return out, err
	}
	if out.Action, err = r.Query("action"); err != nil {
		return out, err
	}
	if out.Since, err = r.moment(&f, "since"); err != nil {
		return out, err
	}
	if out.Until, err = r.moment(&f, "until"); err != nil {
		return out, err
	}
	return out, f.err()
}

// moment reads a query parameter that is a time; absent is the zero time.
func (r *request) moment(f *form, name string) (time.Time, error) {
	sent, err := r.Query(name)
	if err != nil || sent == "" {
		return time.Time{}, err
	}
	return f.time("/"+name, &sent), nil
}

func showEvent(e audit.Record) shownEvent {
	details := map[string]string{}
	maps.Copy(details, e.Details)
	return shownEvent{
		ID: e.ID.String(), At: shownTime(e.At), Actor: e.Actor, Action: e.Action, Target: e.Target,
		Outcome: e.Outcome, RequestID: e.Request, Details: details,
	}
}

type shownReceipt struct {
	RequestID string      `json:"requestId"`
	At        string      `json:"at"`
	Code      string      `json:"code"`
	Steps     []shownStep `json:"steps"`
}

type shownStep struct {
	Name    string `json:"name"`
	Outcome string `json:"outcome"`
}

func (a *API) openReceipt(r *request) (answer, error) {
	opened, err := a.use.Receipts.Open(r.Context(), operation.OpenReceiptInput{Caller: r.operation(), Receipt: r.Param("receipt")})
	if err != nil {
		return answer{}, err
	}
	out := shownReceipt{RequestID: opened.Request, At: shownTime(opened.At), Code: opened.Code, Steps: []shownStep{}}
	for _, s := range opened.Steps {
		out.Steps = append(out.Steps, shownStep(s))
	}
	return jsonAnswer(200, out)
}

type shownKey struct {
	KID       string           `json:"kid"`
	Alg       keyset.Algorithm `json:"alg"`
	Status    string           `json:"status"`
	CreatedAt string           `json:"createdAt"`
	SignsFrom string           `json:"signsFrom"`
	RetiredAt *string          `json:"retiredAt"`
}

func (a *API) listKeys(r *request) (answer, error) {
	keys, err := a.use.Keys.List(r.Context(), r.actor)
	if err != nil {
		return answer{}, err
	}
	return keysAnswer(keys)
}

func (a *API) rotateKeys(r *request) (answer, error) {
	if err := r.nothing(); err != nil {
		return answer{}, err
	}
	keys, err := a.use.Keys.Rotate(r.Context(), r.actor)
	if err != nil {
		return answer{}, err
	}
	return keysAnswer(keys)
}

func (a *API) removeKey(r *request) (answer, error) {
	if err := a.use.Keys.Remove(r.Context(), r.actor, r.Param("kid")); err != nil {
		return answer{}, err
	}
	return gone()
}

// keysAnswer tells by its place in the set how a key stands: older ones than
// the signer have signed, later ones are yet to.
func keysAnswer(set operation.KeyList) (answer, error) {
	out := list[shownKey]{Items: make([]shownKey, 0, len(set.Keys))}
	signs := slices.IndexFunc(set.Keys, func(k keyset.Key) bool { return k.ID == set.Signer })
	for i, k := range set.Keys {
		status := "active"
		switch {
		case i < signs:
			status = "retired"
		case i > signs:
			status = "pending"
		}
		out.Items = append(out.Items, shownKey{
			KID: k.ID, Alg: k.Algorithm, Status: status, CreatedAt: shownTime(k.Created),
			SignsFrom: shownTime(k.SignsFrom), RetiredAt: maybeTime(k.Retired),
		})
	}
	return jsonAnswer(200, out)
}
