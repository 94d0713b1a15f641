package operation

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"reflect"
	"slices"
	"time"

	"ostiary/app/port"
	"ostiary/domain/email"
	"ostiary/domain/money"
	"ostiary/domain/secret"
)

// encode writes a record in the one form that it has whatever store it comes
// from: times in milliseconds, no list like an empty one, maps by rising key.
// No two records share a form. Secrets are written in clear, so w must be a
// hash. A member that it does not know how to write is an error: a member that
// is new to the domain takes part by itself or is noticed.
func encode(w io.Writer, r port.Record) error {
	e := encoder{w: w}
	e.text('k', r.Key)
	e.value(reflect.ValueOf(r.Value))
	return e.err
}

type encoder struct {
	w   io.Writer
	err error
}

// put writes a tag, a number (a length, most often) and bytes.
func (e *encoder) put(tag byte, n int64, b []byte) {
	if e.err != nil {
		return
	}
	head := binary.BigEndian.AppendUint64([]byte{tag}, uint64(n)) //nolint:gosec // two's complement is as good an encoding as any
	if _, e.err = e.w.Write(head); e.err == nil {
		_, e.err = e.w.Write(b)
	}
}

func (e *encoder) bytes(tag byte, b []byte) { e.put(tag, int64(len(b)), b) }
func (e *encoder) text(tag byte, s string)  { e.bytes(tag, []byte(s)) }

func (e *encoder) value(v reflect.Value) {
	if !v.IsValid() {
		e.fail("nothing")
		return
	}
	switch x := v.Interface().(type) {
	case time.Time:
		e.time(x)
	case secret.Text:
		e.text('s', x.Reveal())
	case email.Address:
		e.text('@', x.String())
		e.text('@', string(x.Key()))
	case money.Currency:
		e.text('$', x.String())
	case interface{ Bytes() [16]byte }:
		b := x.Bytes()
		e.bytes('u', b[:])
	case interface{ Int() int64 }:
		e.put('#', x.Int(), nil)
	default:
		e.kind(v)
	}
}

func (e *encoder) time(t time.Time) {
	if t.IsZero() {
		e.put('0', 0, nil) // not 1970
		return
	}
	e.put('t', t.UnixMilli(), nil)
}

func (e *encoder) kind(v reflect.Value) {
	switch {
	case v.Kind() == reflect.Bool:
		e.put('b', boolean(v.Bool()), nil)
	case v.CanInt():
		e.put('i', v.Int(), nil)
	case v.CanUint():
		e.put('i', int64(v.Uint()), nil) //nolint:gosec // told apart up to 64 bits
	case v.CanFloat():
		e.put('f', int64(math.Float64bits(v.Float())), nil) //nolint:gosec // told apart up to 64 bits
	case v.Kind() == reflect.String:
		e.text('s', v.String())
	case v.Kind() == reflect.Slice, v.Kind() == reflect.Array:
		e.list(v)
	case v.Kind() == reflect.Map:
		e.table(v)
	case v.Kind() == reflect.Pointer:
		e.pointer(v)
	case v.Kind() == reflect.Struct:
		e.members(v)
	default:
		e.fail(v.Type())
	}
}

func boolean(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

func (e *encoder) list(v reflect.Value) {
	if v.Type().Elem().Kind() == reflect.Uint8 {
		b := make([]byte, v.Len())
		reflect.Copy(reflect.ValueOf(b), v)
		e.bytes('y', b)
		return
	}
	e.put('l', int64(v.Len()), nil)
	for i := range v.Len() {
		e.value(v.Index(i))
	}
}

func (e *encoder) table(v reflect.Value) {
	if v.Type().Key().Kind() != reflect.String {
		e.fail(v.Type())
		return
	}
	keys := v.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int { return cmp.Compare(a.String(), b.String()) })
	e.put('m', int64(len(keys)), nil)
	for _, k := range keys {
		e.text('k', k.String())
		e.value(v.MapIndex(k))
	}
}

func (e *encoder) pointer(v reflect.Value) {
	if v.IsNil() {
		e.put('n', 0, nil)
		return
	}
	e.put('p', 0, nil)
	e.value(v.Elem())
}

func (e *encoder) members(v reflect.Value) {
	e.put('r', int64(v.NumField()), nil)
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if !f.IsExported() {
			e.fail(v.Type())
			return
		}
		e.text('k', f.Name)
		e.value(v.Field(i))
	}
}

// fail names a type, never a value.
func (e *encoder) fail(what any) {
	if e.err == nil {
		e.err = fmt.Errorf("compare: no form for %v", what)
	}
}
