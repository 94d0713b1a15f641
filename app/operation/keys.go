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

// Ring makes signing keys and is what this process signs and verifies with.
type Ring interface {
	port.KeyMaker
	port.KeyRing
}

// Keys keeps the deployment's signing keys.
type Keys struct {
	keys  port.Keys
	ring  Ring
	clock port.Clock
	trail port.Trail
	alg   keyset.Algorithm
}

// NewKeys takes the algorithm that new keys are made for.
func NewKeys(keys port.Keys, ring Ring, clock port.Clock, trail port.Trail, alg keyset.Algorithm) *Keys {
	return &Keys{keys: keys, ring: ring, clock: clock, trail: trail, alg: alg}
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
	set, err := s.rotate(ctx, by, func(keyset.Set) bool { return true })
	if err != nil {
		return KeyList{}, err
	}
	return s.list(set), nil
}

// Ensure makes the first key, or the next one when the schedule asks for it.
// Many processes may call it at once: one key comes of it.
func (s *Keys) Ensure(ctx context.Context) error {
	_, err := s.rotate(ctx, actor.Actor{Kind: actor.System}, func(set keyset.Set) bool { return set.Due(s.clock.Now(), s.alg) })
	return err
}

// Remove is the operator's with keys:write: the way out when somebody else may
// know a private key. From its return on this process refuses what the key
// signed, and others do when they hear of it. Sessions stay: their next refresh
// gives a token under another key. Whoever verifies with a copy of the key set
// trusts the removed key, and does not know a fresh one, until they fetch the
// set again. It returns keyset.ErrNotFound, also when the key is removed
// already.
func (s *Keys) Remove(ctx context.Context, by actor.Actor, id string) error {
	if err := by.MayOperate(actor.KeysWrite); err != nil {
		return err
	}
	var made string
	_, err := s.change(ctx, func(set keyset.Set) (next keyset.Set, err error) {
		next, made, err = s.without(ctx, set, id)
		return next, err
	})
	if err != nil {
		return err
	}
	events := []audit.Event{keyEvent(by, "key.removed", id)}
	if made != "" {
		events = append(events, keyEvent(by, "key.rotated", made))
	}
	// The key is out: neither of the two must keep the other from being tried.
	return errors.Join(s.follow(ctx), s.record(ctx, events...))
}

// without returns the set without the key, and the id of the key that was made
// because nobody else may sign, "" when none was.
func (s *Keys) without(ctx context.Context, set keyset.Set, id string) (next keyset.Set, made string, err error) {
	now := s.clock.Now()
	next, err = set.Remove(id, now)
	if err != nil {
		return set, "", err
	}
	if _, ok := next.Signer(now); ok {
		return next, "", nil
	}
	key, err := s.ring.Generate(ctx, s.alg)
	if err != nil {
		return set, "", fmt.Errorf("generate key: %w", err)
	}
	next = next.Rotate(key, now)
	next.Version = set.Version + 1 // both steps are one change
	return next, key.ID, nil
}

// follow makes this process go by what was stored.
func (s *Keys) follow(ctx context.Context) error {
	if err := s.ring.Reload(ctx); err != nil {
		return fmt.Errorf("reload keys: %w", err)
	}
	return nil
}

func keyEvent(by actor.Actor, action, id string) audit.Event {
	return audit.Event{Actor: by.String(), Action: action, Target: "key:" + id, Outcome: audit.Granted}
}

func (s *Keys) record(ctx context.Context, events ...audit.Event) error {
	if err := s.trail.Record(ctx, events...); err != nil {
		return fmt.Errorf("record %s: %w", events[0].Action, err)
	}
	return nil
}

// rotate adds a key when one is wanted, which it asks again after each race it
// lost.
func (s *Keys) rotate(ctx context.Context, by actor.Actor, wanted func(keyset.Set) bool) (keyset.Set, error) {
	made := ""
	set, err := s.change(ctx, func(set keyset.Set) (keyset.Set, error) {
		made = ""
		if !wanted(set) {
			return set, nil
		}
		key, err := s.ring.Generate(ctx, s.alg)
		if err != nil {
			return set, fmt.Errorf("generate key: %w", err)
		}
		made = key.ID
		return set.Rotate(key, s.clock.Now()), nil
	})
	if err != nil || made == "" {
		return set, err
	}
	return set, s.record(ctx, keyEvent(by, "key.rotated", made))
}

// tries is how often a change gives way to another one before it gives up.
const tries = 8

// change stores what step makes of the stored set, which it is asked anew after
// each race that was lost. A step that leaves the version alone wants nothing.
func (s *Keys) change(ctx context.Context, step func(keyset.Set) (keyset.Set, error)) (keyset.Set, error) {
	for range tries {
		set, err := s.keys.Load(ctx)
		if err != nil {
			return keyset.Set{}, fmt.Errorf("load keys: %w", err)
		}
		next, err := step(set)
		if err != nil || next.Version == set.Version {
			return next, err
		}
		err = s.keys.Save(ctx, next)
		if errors.Is(err, port.ErrVersion) {
			continue
		}
		if err != nil {
			return keyset.Set{}, fmt.Errorf("save keys: %w", err)
		}
		return next, nil
	}
	return keyset.Set{}, port.ErrUnavailable
}
