package mongo

import (
	"context"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"
	"go.mongodb.org/mongo-driver/mongo/options"

	"ostiary/app/port"
	"ostiary/domain/apitoken"
	"ostiary/domain/audit"
	"ostiary/domain/avatar"
	"ostiary/domain/company"
	"ostiary/domain/contact"
	"ostiary/domain/keyset"
	"ostiary/domain/session"
	"ostiary/domain/tenant"
	"ostiary/domain/user"
)

// typed are values as what they are; Belongs has looked at them before.
func typed[V any](values []any) ([]V, error) {
	out := make([]V, len(values))
	for i, v := range values {
		var ok bool
		if out[i], ok = v.(V); !ok {
			return nil, port.ErrForeignRecord
		}
	}
	return out, nil
}

// put stores values that depend on nothing else.
func put[V any](in string, replacing func(tenant.ID, V) replacement) func(context.Context, *DB, tenant.ID, []any) error {
	return func(ctx context.Context, db *DB, t tenant.ID, values []any) error {
		vs, err := typed[V](values)
		if err != nil {
			return err
		}
		rs := make([]replacement, len(vs))
		for i, v := range vs {
			rs[i] = replacing(t, v)
		}
		return db.do(ctx, "write archive", func(ctx context.Context) error { return db.collection(in).replaceAll(ctx, rs) })
	}
}

// instead is a document of tenant data in place of any with its id.
func instead(t tenant.ID, id primitive.Binary, doc any) replacement {
	return replacement{filter: of(t, is("_id", id)), doc: doc}
}

// A replaced document begins with its first revision: nobody has loaded another.

func replacingTag(t tenant.ID, s contact.TagSnapshot) replacement {
	d := tagDoc{Stamp: stamped(t, tagKey(t, s.ID))}
	d.become(contact.RestoreTag(s))
	return instead(t, d.ID, d)
}

func replacingBlob(t tenant.ID, b avatar.Blob) replacement {
	d := blobDoc{ID: blobKey(t, b.ID), T: uuid(t.Bytes()), Media: b.Media, Bytes: b.Bytes}
	return instead(t, d.ID, d)
}

func replacingSession(t tenant.ID, s session.Snapshot) replacement {
	d := docOfSession(s, stamped(t, sessionKey(t, s.ID)))
	return instead(t, d.ID, d)
}

func replacingLink(t tenant.ID, l session.Link) replacement {
	d := docOfLink(l)
	return instead(t, d.ID, d)
}

func replacingToken(t tenant.ID, s apitoken.Snapshot) replacement {
	d := docOfToken(s)
	return instead(t, d.ID, d)
}

func replacingClaim(t tenant.ID, c port.ArchivedClaim) replacement {
	d := requestDoc{
		ID: key(t, c.Key[:]), T: uuid(t.Bytes()), Body: c.Body[:], Lease: c.Lease, Expires: c.Expires,
		Answered: moment(c.Answered), Answer: c.Answer,
	}
	return instead(t, d.ID, d)
}

func replacingRecord(t tenant.ID, r audit.Record) replacement {
	d := recordDocOf(r, nil)
	return instead(t, d.ID, d)
}

func replacingHead(_ tenant.ID, h audit.Head) replacement {
	d := headDocOf(h)
	return replacement{filter: bson.D{is("_id", d.ID)}, doc: d}
}

func replacingKeys(_ tenant.ID, s keyset.Set) replacement {
	d := docOfKeys(s)
	return replacement{filter: bson.D{is("_id", d.ID)}, doc: d}
}

func replacingCounter(_ tenant.ID, c port.ArchivedCounter) replacement {
	d := counterDoc{ID: c.Key[:], Count: int64(c.State.Count), At: moment(c.State.At), Forget: moment(c.Forget)}
	return replacement{filter: bson.D{is("_id", d.ID)}, doc: d}
}

// writeNumbers never lowers one: what was given away stays away.
func writeNumbers(ctx context.Context, db *DB, t tenant.ID, values []any) error {
	vs, err := typed[port.ArchivedNumber](values)
	if err != nil {
		return err
	}
	return db.do(ctx, "write archive", func(ctx context.Context) error {
		for _, v := range vs {
			for _, k := range kinds {
				if k.name != v.Kind {
					continue
				}
				_, err := db.collection(inNumbers).update(ctx, of(t, is("_id", key(t, []byte{k.kind}))),
					bson.D{is("$max", bson.D{is("last", v.Next-1)})}, options.Update().SetUpsert(true))
				if err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// writeCompanies leaves a company's books as they are, and its revision above
// the number of every journal.
func writeCompanies(ctx context.Context, db *DB, t tenant.ID, values []any) error {
	vs, err := typed[company.Snapshot](values)
	if err != nil {
		return err
	}
	ids := make([]primitive.Binary, len(vs))
	for i, v := range vs {
		ids[i] = companyKey(t, v.ID)
	}
	return db.do(ctx, "write archive", func(ctx context.Context) error {
		all := db.collection(inCompanies)
		stored, err := list[companyDoc](ctx, all, of(t, keysIn(ids)))
		if err != nil {
			return err
		}
		known := make(map[string]companyDoc, len(stored))
		for _, d := range stored {
			known[string(d.ID.Data)] = d
		}
		rs := make([]replacement, len(vs))
		for i, v := range vs {
			d, ok := known[string(ids[i].Data)]
			if ok {
				d.Rev++
			} else {
				d.Stamp = stamped(t, ids[i])
			}
			d.become(company.Restore(v))
			rs[i] = instead(t, d.ID, d)
		}
		return all.replaceAll(ctx, rs)
	})
}

func writeTenants(ctx context.Context, db *DB, _ tenant.ID, values []any) error {
	vs, err := typed[tenant.Snapshot](values)
	if err != nil {
		return err
	}
	b := binding{in: db.collection(inTenants)}
	for _, v := range vs {
		d := &tenantDoc{Stamp: stamped(v.ID, uuid(v.ID.Bytes()))}
		d.become(tenant.Restore(v))
		ids, refusals := d.names()
		b.owners = append(b.owners, owner{
			stamp: &d.Stamp, bond: &d.Bond, doc: d, names: ids,
			refusal: func(c claim) error { return refusals[string(c.ID.Data)] },
		})
	}
	return db.do(ctx, "write archive", b.store)
}

func writeContacts(ctx context.Context, db *DB, t tenant.ID, values []any) error {
	vs, err := typed[port.ArchivedContact](values)
	if err != nil {
		return err
	}
	var companies, tags []int64
	b := binding{in: db.collection(inContacts), tenant: t}
	for _, v := range vs {
		d := &contactDoc{Stamp: stamped(t, contactKey(t, v.Contact.ID))}
		d.become(contact.Restore(v.Contact))
		if v.User != nil {
			d.Login = toLogin(user.Restore(*v.User))
		}
		companies, tags = append(companies, d.Companies...), append(tags, d.Tags...)
		b.owners = append(b.owners, owner{
			stamp: &d.Stamp, bond: &d.Bond, doc: d, names: addressClaims(t, d.EmailID),
			refusal: func(claim) error { return contact.ErrEmailTaken },
		})
	}
	return db.do(ctx, "write archive", func(ctx context.Context) error {
		if err := db.checkReferences(ctx, t, companies, tags); err != nil {
			return err
		}
		return b.store(ctx)
	})
}

// writeJobs also makes their origins anew, of all jobs that are stored: what an
// origin is remembered for is no more than that.
func writeJobs(ctx context.Context, db *DB, _ tenant.ID, values []any) error {
	vs, err := typed[port.ArchivedJob](values)
	if err != nil {
		return err
	}
	rs, origins := make([]replacement, len(vs)), make([][]byte, 0, len(vs))
	for i, v := range vs {
		d := docOfJob(v.Job)
		d.Until = moment(v.CountsUntil)
		rs[i] = replacement{filter: bson.D{is("_id", d.ID)}, doc: d}
		if d.Origin != nil {
			origins = append(origins, d.Origin)
		}
	}
	return db.do(ctx, "write archive", func(ctx context.Context) error {
		if err := db.collection(inOutbox).replaceAll(ctx, rs); err != nil || len(origins) == 0 {
			return err
		}
		return db.remember(ctx, origins)
	})
}

// remember stores of origins when their jobs were asked for.
func (db *DB) remember(ctx context.Context, origins [][]byte) error {
	these := bson.D{is("$in", origins)}
	jobs, err := list[jobDoc](ctx, db.collection(inOutbox), bson.D{is("origin", these)},
		options.Find().SetProjection(bson.D{is("origin", 1), is("asked", 1), is("until", 1)}))
	if err != nil {
		return err
	}
	asked, forget := map[string]times{}, map[string]time.Time{}
	for _, j := range jobs {
		at, until, id := timeOf(j.Asked), timeOf(j.Until), string(j.Origin)
		if !until.After(at) {
			continue
		}
		asked[id] = append(asked[id], at)
		if until.After(forget[id]) {
			forget[id] = until
		}
	}
	all := db.collection(inOrigins)
	if _, err := all.removeAll(ctx, bson.D{is("_id", these)}); err != nil || len(asked) == 0 {
		return err
	}
	rs := make([]replacement, 0, len(asked))
	for id, ts := range asked {
		slices.SortFunc(ts, func(a, b time.Time) int { return b.Compare(a) })
		d := originDoc{ID: []byte(id), Asked: ts.bytes(), Forget: moment(forget[id]), Token: primitive.NewObjectID()}
		rs = append(rs, replacement{filter: bson.D{is("_id", d.ID)}, doc: d})
	}
	return all.replaceAll(ctx, rs)
}
