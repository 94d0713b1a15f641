package operation

import (
	"context"
	"errors"
	"fmt"

	"ostiary/app/port"
	"ostiary/domain/actor"
	"ostiary/domain/audit"
	"ostiary/domain/keyset"
)

// Keys keeps the deployment's signing keys.
type Keys struct {
	keys  port.Keys
	maker port.KeyMaker
	clock port.Clock
	trail port.Trail
	alg   keyset.Algorithm
}

// NewKeys takes the algorithm that new keys are made for.
func NewKeys(keys port.Keys, maker port.KeyMaker, clock port.Clock, trail port.Trail, alg keyset.Algorithm) *Keys {
	return &Keys{keys: keys, maker: maker, clock: clock, trail: trail, alg: alg}
}

// KeyList is what is published now, oldest first and without private halves.
// Signer is the id of the key that signs, "" when none does.
type KeyList struct {
	Keys   []keyset.Key
	Signer string
}

// List is the operator's with keys:write.
func (s *Keys) List(ctx context.Context, by actor.Actor) (KeyList, error) {
	if err := by.MayOperate(actor.KeysWrite); err != nil {
		return KeyList{}, err
	}
	set, err := s.keys.Load(ctx)
	if err != nil {
		return KeyList{}, fmt.Errorf("load keys: %w", err)
	}
	return s.list(set), nil
}

func (s *Keys) list(set keyset.Set) KeyList {
	now := s.clock.Now()
	out := KeyList{Keys: set.Published(now)}
	for i := range out.Keys {
		out.Keys[i].Private = nil
	}
	if k, ok := set.Signer(now); ok {
		out.Signer = k.ID
	}
	return out
}

// Rotate is the operator's with keys:write. The new key is published now and
// signs once everybody has had time to see it; live tokens stay good.
func (s *Keys) Rotate(ctx context.Context, by actor.Actor) (KeyList, error) {
	if err := by.MayOperate(actor.KeysWrite); err != nil {
		return KeyList{}, err
	}
	set, err := s.rotate(ctx, by.String(), func(keyset.Set) bool { return true })
	if err != nil {
		return KeyList{}, err
	}
	return s.list(set), nil
}

// Ensure makes the first key, or the next one when the schedule asks for it.
// Many processes may call it at once: one key comes of it.
func (s *Keys) Ensure(ctx context.Context) error {
	system := actor.Actor{Kind: actor.System}
	_, err := s.rotate(ctx, system.String(), func(set keyset.Set) bool { return set.Due(s.clock.Now(), s.alg) })
	return err
}

// tries is how often a rotation gives way to another one before it gives up.
const tries = 8

// rotate asks again whether a key is wanted after each race it lost.
func (s *Keys) rotate(ctx context.Context, by string, wanted func(keyset.Set) bool) (keyset.Set, error) {
	for range tries {
		set, err := s.keys.Load(ctx)
		if err != nil {
			return keyset.Set{}, fmt.Errorf("load keys: %w", err)
		}
		if !wanted(set) {
			return set, nil
		}
		key, err := s.maker.Generate(ctx, s.alg)
		if err != nil {
			return keyset.Set{}, fmt.Errorf("generate key: %w", err)
		}
		next := set.Rotate(key, s.clock.Now())
		err = s.keys.Save(ctx, next)
		if errors.Is(err, port.ErrVersion) {
			continue
		}
		if err != nil {
			return keyset.Set{}, fmt.Errorf("save keys: %w", err)
		}
		return next, record(ctx, s.trail, by, audit.Event{Action: "key.rotated", Target: "key:" + key.ID})
	}
	return keyset.Set{}, port.ErrUnavailable
}
