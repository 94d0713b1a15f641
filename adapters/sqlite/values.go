package sqlite

import (
	sqldriver "database/sql/driver"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"time"

	"ostiary/domain/secret"
)

// value turns an argument into what the driver binds. A zero time and a zero
// digest are stored as NULL.
func value(v any) sqldriver.Value {
	switch v := v.(type) {
	case nil, int64, string, []byte:
		return v
	case int:
		return int64(v)
	case bool:
		if v {
			return int64(1)
		}
		return int64(0)
	case time.Time:
		if v.IsZero() {
			return nil
		}
		return v.UnixMilli()
	case secret.Digest:
		if v.IsZero() {
			return nil
		}
		return v[:]
	case interface{ Bytes() [16]byte }:
		b := v.Bytes()
		return b[:]
	case interface{ Int() int64 }:
		return v.Int()
	default:
		return v // the driver refuses it by its type
	}
}

// textOrNull stores empty text as NULL, for columns whose indexes leave it out.
func textOrNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// jsonOf stores nil as NULL, anything else as JSON text.
func jsonOf(v any) any {
	if rv := reflect.ValueOf(v); (rv.Kind() == reflect.Pointer || rv.Kind() == reflect.Slice || rv.Kind() == reflect.Map) && rv.IsNil() {
		return nil
	}
	b, err := json.Marshal(v)
	if err != nil {
		return unbindable{err} // refused by the driver, so that the write fails
	}
	return string(b)
}

type unbindable struct{ error }

// idList writes numbers as a JSON list for json_each.
func idList[N interface{ Int() int64 }](ids []N) string {
	out := make([]byte, 0, 2+8*len(ids))
	out = append(out, '[')
	for i, id := range ids {
		if i > 0 {
			out = append(out, ',')
		}
		out = strconv.AppendInt(out, id.Int(), 10)
	}
	return string(append(out, ']'))
}

// row hands out the columns of one result row in their order. What has not the
// expected type is an outage, kept until the row is done.
type row struct {
	vals []sqldriver.Value
	next int
	err  error
}

func (r *row) pull() sqldriver.Value {
	v := r.vals[r.next]
	r.next++
	return v
}

func (r *row) note(err error) {
	if err != nil && r.err == nil {
		r.err = fmt.Errorf("column %d: %w", r.next, err)
	}
}

func (r *row) unexpected(v sqldriver.Value) {
	r.note(fmt.Errorf("unexpected %T", v))
}

// text reads NULL as "".
func (r *row) text() string {
	switch v := r.pull().(type) {
	case string:
		return v
	case nil:
	default:
		r.unexpected(v)
	}
	return ""
}

// int reads NULL as 0.
func (r *row) int() int64 {
	switch v := r.pull().(type) {
	case int64:
		return v
	case nil:
	default:
		r.unexpected(v)
	}
	return 0
}

func (r *row) flag() bool { return r.int() != 0 }

// bytes returns a slice that the caller may keep.
func (r *row) bytes() []byte {
	switch v := r.pull().(type) {
	case []byte:
		return v
	case nil:
	default:
		r.unexpected(v)
	}
	return nil
}

// uuid reads NULL as the zero id.
func (r *row) uuid() [16]byte {
	b := r.bytes()
	if b == nil {
		return [16]byte{}
	}
	if len(b) != 16 {
		r.note(fmt.Errorf("%d bytes are no id", len(b)))
		return [16]byte{}
	}
	return [16]byte(b)
}

func (r *row) digest() secret.Digest {
	b := r.bytes()
	if b == nil {
		return secret.Digest{}
	}
	if len(b) != len(secret.Digest{}) {
		r.note(fmt.Errorf("%d bytes are no digest", len(b)))
		return secret.Digest{}
	}
	return secret.Digest(b)
}

func (r *row) time() time.Time {
	switch v := r.pull().(type) {
	case int64:
		return time.UnixMilli(v).UTC()
	case nil:
	default:
		r.unexpected(v)
	}
	return time.Time{}
}

// json leaves dst as it is when the column is NULL.
func (r *row) json(dst any) {
	s := r.text()
	if s == "" {
		return
	}
	r.note(json.Unmarshal([]byte(s), dst))
}

// number reads an integer id, 0 as the zero id.
func number[N any](r *row, of func(int64) (N, error)) N {
	var zero N
	n := r.int()
	if n == 0 {
		return zero
	}
	id, err := of(n)
	r.note(err)
	return id
}
