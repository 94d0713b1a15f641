package mongo

import (
	"context"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"
	"go.mongodb.org/mongo-driver/mongo/options"

	"ostiary/domain/tenant"
)

// binding stores documents of one collection together with what they claim, in
// few commands for all of them. It leaves the protocol of deal out: nobody else
// writes. After a crash the same is written once more.
type binding struct {
	in     collection
	tenant tenant.ID // of the claims
	owners []owner
}

// owner is a document that is to hold claims, and no others.
type owner struct {
	stamp *Stamp
	bond  *Bond
	doc   any // of which both are parts
	names []primitive.Binary
	// refusal is what another holder of a claim means.
	refusal func(claim) error
}

// bonded is what is read of a document that is about to be replaced.
type bonded struct {
	Stamp `bson:",inline"`
	Bond  `bson:",inline"`
}

func (b binding) store(ctx context.Context) error {
	dropped, err := b.takeOver(ctx)
	if err != nil {
		return err
	}
	if err := b.claim(ctx); err != nil {
		return err
	}
	rs := make([]replacement, len(b.owners))
	for i, o := range b.owners {
		rs[i] = replacement{filter: b.filter(o.stamp.ID), doc: o.doc}
	}
	if err := b.in.replaceAll(ctx, rs); err != nil {
		return err
	}
	for _, d := range dropped {
		if err := d.free(ctx); err != nil {
			return err
		}
	}
	return nil
}

// filter selects documents of the collection by their ids.
func (b binding) filter(ids ...primitive.Binary) bson.D {
	if b.in.owned {
		return of(b.tenant, keysIn(ids))
	}
	return bson.D{keysIn(ids)}
}

// takeOver moves the revisions of stored documents on, gives every document its
// claims, and returns those that nobody claims any more.
func (b binding) takeOver(ctx context.Context) (dropped []deal, err error) {
	ids := make([]primitive.Binary, len(b.owners))
	for i, o := range b.owners {
		ids[i] = o.stamp.ID
	}
	stored, err := list[bonded](ctx, b.in, b.filter(ids...), options.Find().SetProjection(bondAlone))
	if err != nil {
		return nil, err
	}
	known := make(map[string]bonded, len(stored))
	for _, d := range stored {
		known[string(d.ID.Data)] = d
	}
	for _, o := range b.owners {
		old := known[string(o.stamp.ID.Data)]
		o.stamp.Rev += old.Rev
		// A token for all: a claim that was made by halves counts for nothing.
		_, o.bond.Claims, _ = rebind(nil, o.names, primitive.NewObjectID())
		if _, _, drop := rebind(old.Claims, o.names, primitive.NilObjectID); len(drop) > 0 {
			dropped = append(dropped, deal{in: b.in, tenant: b.tenant, owner: *o.stamp, claims: drop})
		}
	}
	return dropped, nil
}

// claim stores the claims, unless another document holds one of them or two are
// to.
func (b binding) claim(ctx context.Context) error {
	among, by := map[string]bool{}, map[string]owner{}
	var ids []primitive.Binary
	var rs []replacement
	for _, o := range b.owners {
		among[string(o.stamp.ID.Data)] = true
		for _, c := range o.bond.Claims {
			if _, twice := by[string(c.ID.Data)]; twice {
				return o.refusal(c)
			}
			by[string(c.ID.Data)], ids = o, append(ids, c.ID)
			rs = append(rs, instead(b.tenant, c.ID, claimDoc{
				ID: c.ID, T: uuid(b.tenant.Bytes()), In: b.in.c.Name(), Of: o.stamp.T, Owner: o.stamp.ID, Token: c.Token,
			}))
		}
	}
	if len(rs) == 0 {
		return nil
	}
	all := b.in.db.collection(inClaims)
	stored, err := list[claimDoc](ctx, all, of(b.tenant, keysIn(ids)))
	if err != nil {
		return err
	}
	for _, c := range stored {
		if among[string(c.Owner.Data)] {
			continue // who had it either keeps it or is about to lose it
		}
		state, err := b.in.db.standing(ctx, c, patience)
		if err != nil {
			return err
		}
		if state == held {
			return by[string(c.ID.Data)].refusal(claim{ID: c.ID})
		}
	}
	return all.replaceAll(ctx, rs)
}
