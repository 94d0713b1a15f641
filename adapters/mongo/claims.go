package mongo

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"
	"go.mongodb.org/mongo-driver/mongo/options"

	"ostiary/domain/fault"
	"ostiary/domain/tenant"
)

// What must be unique within a tenant, or the deployment (the zero tenant), but
// is no key (an e-mail address, a host), is claimed: a document of its own, whose
// _id is made of it, names the owner. A unique index would do the same on one
// server; on a sharded cluster it cannot exist.
//
// A claim counts only as far as its owner's document confirms it, by the token
// of the attempt that made it. So a write takes three steps, and whoever meets
// it in between can tell how it stands:
//
//  1. The owner's document says what it wants (bond.Want). A new document says
//     nothing else yet: callers do not see it.
//  2. The claims are made. One that is held refuses the write; one that is
//     wanted by another write is waited for; one that nobody stands for any more,
//     after a crash, is taken over.
//  3. The owner's document is replaced by what was wanted, unless its revision
//     has moved on. That write makes everything true at once.
//
// Whoever waited long enough fences the other write before taking its claim
// over: it moves the revision of its document on, so that step 3 fails there.
// No clock decides anything.

// bond is what a document carries that owns claims.
type Bond struct {
	Claims []claim `bson:"claims,omitempty"`
	Want   *want   `bson:"want,omitempty"`
	// New documents have not got to step 3.
	New bool `bson:"new,omitempty"`
	// Limbo tells since when a write on the document is unfinished.
	Limbo *primitive.ObjectID `bson:"limbo,omitempty"`
}

// claim names a document of the claims by its _id.
type claim struct {
	ID    primitive.Binary   `bson:"id"`
	Token primitive.ObjectID `bson:"tok"`
}

// want is what an unfinished write will hold and refer to.
type want struct {
	Claims    []claim `bson:"claims,omitempty"`
	Companies []int64 `bson:"cs,omitempty"`
	Tags      []int64 `bson:"gs,omitempty"`
}

// claimDoc is a stored claim. Owner is the _id of the document in the
// collection In, whose member t is Of.
type claimDoc struct {
	ID    primitive.Binary   `bson:"_id"`
	T     primitive.Binary   `bson:"t"`
	In    string             `bson:"in"`
	Of    primitive.Binary   `bson:"of"`
	Owner primitive.Binary   `bson:"owner"`
	Token primitive.ObjectID `bson:"tok"`
}

func claimID(t tenant.ID, kind, value string) primitive.Binary { return key(t, digested(kind, value)) }

// rebind sorts the claims that a document has and those it is to have, by their
// ids: what stays, what is to be won with the token, and what goes.
func rebind(have []claim, ids []primitive.Binary, token primitive.ObjectID) (stay, add, drop []claim) {
	named := func(h claim) bool {
		return slices.ContainsFunc(ids, func(id primitive.Binary) bool { return bytes.Equal(id.Data, h.ID.Data) })
	}
	for _, h := range have {
		if named(h) {
			stay = append(stay, h)
		} else {
			drop = append(drop, h)
		}
	}
	for _, id := range ids {
		if !slices.ContainsFunc(have, func(h claim) bool { return bytes.Equal(id.Data, h.ID.Data) }) {
			add = append(add, claim{ID: id, Token: token})
		}
	}
	return stay, add, drop
}

// errTaken is returned for a new document whose id another one has.
var errTaken = errors.New("mongo: the id is taken")

// errMovedOn is returned when another write came first and this one must begin
// anew.
var errMovedOn = errors.New("mongo: another write came first")

// patience is how many breaths to wait for an unfinished write before it is
// fenced: about a second.
const patience = 30

// deal is one attempt of one document to come by what it wants.
type deal struct {
	in     collection
	tenant tenant.ID // of the claims
	owner  Stamp     // as it says what it wants
	isNew  bool
	claims []claim
	// refusal is what another holder of a claim means to the caller.
	refusal func(claim) error
	// refer judges what the document will refer to, nil when there is nothing.
	refer func(context.Context) error
	// commit is step 3; it reports whether the revision was still the same.
	commit func(context.Context) (bool, error)
}

// close carries a write from its second step to the end, or takes it back.
func (d deal) close(ctx context.Context) error {
	err := d.win(ctx)
	if err == nil && d.refer != nil {
		err = d.refer(ctx)
	}
	if err == nil {
		done, failed := d.commit(ctx)
		if done || failed != nil {
			return failed
		}
		err = errMovedOn
	}
	if fault.Of(err) == nil && !errors.Is(err, errMovedOn) {
		return err // an outage: whoever meets what is left takes it back
	}
	d.in.db.afterwards(ctx, "take back", func(ctx context.Context) error {
		return errors.Join(d.in.fence(ctx, d.owner, d.isNew), d.free(ctx))
	})
	return err
}

// win comes by all claims, or returns the refusal of the first that another
// document holds.
func (d deal) win(ctx context.Context) error {
	for _, c := range d.claims {
		ok, err := d.winOne(ctx, c)
		if err != nil {
			return err
		}
		if !ok {
			return d.refusal(c)
		}
	}
	return nil
}

func (d deal) winOne(ctx context.Context, c claim) (bool, error) {
	all := d.in.db.collection(inClaims)
	mine := claimDoc{ID: c.ID, T: uuid(d.tenant.Bytes()), In: d.in.c.Name(), Of: d.owner.T, Owner: d.owner.ID, Token: c.Token}
	for try := 0; ; try++ {
		if ok, err := all.insert(ctx, mine); ok || err != nil {
			return ok, err
		}
		var theirs claimDoc
		ok, err := all.find(ctx, of(d.tenant, is("_id", c.ID)), &theirs)
		if err != nil {
			return false, err
		}
		if ok {
			if theirs.Token == mine.Token {
				return true, nil
			}
			state, err := d.in.db.standing(ctx, theirs, try)
			if err != nil {
				return false, err
			}
			switch {
			case state == held && bytes.Equal(theirs.Owner.Data, mine.Owner.Data):
				return false, errMovedOn
			case state == held:
				return false, nil
			case state == void:
				if ok, err := all.replace(ctx, theirs.asIs(), mine); ok || err != nil {
					return ok, err
				}
			}
		}
		if err := breath(ctx, try); err != nil {
			return false, err
		}
	}
}

// asIs is the filter for a claim that nobody has touched since.
func (c claimDoc) asIs() bson.D {
	return bson.D{is("t", c.T), is("_id", c.ID), is("owner", c.Owner), is("tok", c.Token)}
}

// free gives up claims, unless somebody took them over.
func (d deal) free(ctx context.Context) error {
	for _, c := range d.claims {
		mine := claimDoc{ID: c.ID, T: uuid(d.tenant.Bytes()), Owner: d.owner.ID, Token: c.Token}
		if _, err := d.in.db.collection(inClaims).remove(ctx, mine.asIs()); err != nil {
			return err
		}
	}
	return nil
}

// state is how a claim stands.
type state uint8

const (
	void   state = iota // nobody stands for it
	wanted              // a write under way does
	held
)

// standing asks the owner of a claim. After enough tries it fences a write
// that does not get on.
func (db *DB) standing(ctx context.Context, c claimDoc, try int) (state, error) {
	owners := db.collection(c.In)
	var o struct {
		Stamp `bson:",inline"`
		Bond  `bson:",inline"`
	}
	ok, err := owners.find(ctx, bson.D{is("t", c.Of), is("_id", c.Owner)}, &o, options.FindOne().SetProjection(bondAlone))
	if err != nil || !ok {
		return void, err
	}
	if holds(o.Claims, c) {
		return held, nil
	}
	if o.Want == nil || !holds(o.Want.Claims, c) {
		return void, nil
	}
	if try < patience {
		return wanted, nil
	}
	return wanted, owners.fence(ctx, o.Stamp, o.New)
}

var bondAlone = bson.D{is("t", 1), is("rev", 1), is("claims", 1), is("want", 1), is("new", 1)}

func holds(claims []claim, c claimDoc) bool {
	for _, h := range claims {
		if h.Token == c.Token && bytes.Equal(h.ID.Data, c.ID.Data) {
			return true
		}
	}
	return false
}

// again repeats a write that began anew, until ctx ends.
func again(ctx context.Context, write func(context.Context) error) error {
	for try := 0; ; try++ {
		err := write(ctx)
		if !errors.Is(err, errMovedOn) {
			return err
		}
		if err := breath(ctx, try); err != nil {
			return err
		}
	}
}

// fence sees to it that the write which left a document in this state comes to
// nothing, unless it got on meanwhile.
func (c collection) fence(ctx context.Context, s Stamp, isNew bool) error {
	if isNew {
		_, err := c.remove(ctx, s.at())
		return err
	}
	_, err := c.update(ctx, s.at(), bson.D{
		is("$unset", bson.D{is("want", ""), is("limbo", "")}),
		is("$inc", bson.D{is("rev", int64(1))}),
	})
	return err
}

func (c claim) same(o claim) bool { return c.Token == o.Token && bytes.Equal(c.ID.Data, o.ID.Data) }

// takeBack fences the write that left a document in limbo and frees what it
// claimed, unless the write got on meanwhile and holds it by now.
func (c collection) takeBack(ctx context.Context, claims tenant.ID, s *Stamp, b *Bond) error {
	if err := c.fence(ctx, *s, b.New); err != nil || b.Want == nil {
		return err
	}
	var now Bond
	if _, err := c.find(ctx, bson.D{is("t", s.T), is("_id", s.ID)}, &now); err != nil {
		return err
	}
	left := slices.DeleteFunc(slices.Clone(b.Want.Claims), func(w claim) bool { return slices.ContainsFunc(now.Claims, w.same) })
	return deal{in: c, tenant: claims, owner: *s, claims: left}.free(ctx)
}
