package admin

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"ostiary/app/operation"
)

const keyHeader = "Idempotency-Key"

// once lets a POST that names itself be sent again: the same actor, path, key
// and body get the first answer, headers included.
func (a *API) once(h handler) handler {
	return func(r *request) (answer, error) {
		if _, sent := r.Fiber().GetReqHeaders()[keyHeader]; !sent {
			return h(r)
		}
		key, err := r.Header(keyHeader)
		if err != nil {
			return answer{}, err
		}
		raw, err := r.Raw()
		if err != nil {
			return answer{}, err
		}
		r.buffered = true
		in := operation.IdempotencyInput{Actor: r.actor, Tenant: r.actor.Tenant, Route: r.named(), Key: key, Body: raw}
		kept, _, err := a.use.Idempotency.Run(r.Context(), in, func() ([]byte, error) {
			out, err := h(r)
			if err != nil {
				return nil, err
			}
			return out.keep()
		})
		if err != nil {
			return answer{}, err
		}
		return recall(kept)
	}
}

// named is the route together with what it is about, in one spelling: an
// invitation of one contact is not that of another.
func (r *request) named() string {
	return strings.Join([]string{r.Route(), string(r.code), r.Param("id")}, " ")
}

// keep writes the head of an answer in one line and the body after it.
func (a answer) keep() ([]byte, error) {
	head, err := encode(a)
	return append(append(head, '\n'), a.body...), err
}

var errKept = errors.New("a kept answer has no head")

func recall(kept []byte) (answer, error) {
	var out answer
	head, body, ok := bytes.Cut(kept, []byte("\n"))
	if !ok {
		return answer{}, errKept
	}
	if err := json.Unmarshal(head, &out); err != nil {
		return answer{}, fmt.Errorf("read kept answer: %w", err)
	}
	out.body = body
	return out, nil
}
