package mongo

import (
	"context"
	"fmt"
	"strings"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"

	"ostiary/app/port"
	"ostiary/domain/avatar"
	"ostiary/domain/company"
	"ostiary/domain/contact"
	"ostiary/domain/session"
	"ostiary/domain/tenant"
	"ostiary/domain/throttle"
)

// parts says how each section is stored.
var parts = map[port.Section]part{
	port.SectionTenants: {
		in: inTenants, live: bson.D{present("code")}, place: byID(16, bson.TypeBinaryUUID), write: writeTenants,
		record: decoding(func(d *tenantDoc) (any, error) { return d.tenant().Snapshot(), nil }),
	},
	port.SectionNumbers: {
		in: inNumbers, place: byKind, record: decoding(archivedNumber), write: writeNumbers,
	},
	port.SectionCompanies: {
		in: inCompanies, live: bson.D{present("n")}, members: withoutBooks, place: byNumber, write: writeCompanies,
		record: decoding(archived((*companyDoc).company, (*company.Company).Snapshot)),
	},
	port.SectionTags: {
		in: inTags, live: bson.D{present("n")}, place: byNumber, write: put(inTags, replacingTag),
		record: decoding(archived((*tagDoc).tag, (*contact.Tag).Snapshot)),
	},
	port.SectionContacts: {
		in: inContacts, live: bson.D{present("n")}, place: byNumber, record: decoding(archivedContact), write: writeContacts,
	},
	port.SectionBlobs: {
		in: inBlobs, place: byKey(16), record: decoding(archivedBlob), write: put(inBlobs, replacingBlob),
	},
	port.SectionDocuments: {
		in: inDocuments, live: bson.D{absent("gone")}, settle: settleBooks, page: pageOfDocuments, write: writeDocuments,
	},
	port.SectionFigures: {
		in: inCompanies, live: bson.D{present("n"), counted}, members: bson.D{is("n", 1), is("fig", 1)}, place: byNumber,
		record: decoding(archivedFigures),
		write:  func(context.Context, *DB, tenant.ID, []any) error { return nil }, // they followed the documents
	},
	port.SectionSessions: {
		in: inSessions, place: byKey(16), write: put(inSessions, replacingSession),
		record: decoding(archived(func(d *sessionDoc) (*session.Session, error) { return d.session() }, (*session.Session).Snapshot)),
	},
	port.SectionLinks: {
		in: inLinks, place: byKey(32), write: put(inLinks, replacingLink),
		record: decoding(func(d *linkDoc) (any, error) { return d.link(), nil }),
	},
	port.SectionAPITokens: {
		in: inAPITokens, place: byKey(16), write: put(inAPITokens, replacingToken),
		record: decoding(func(d *tokenDoc) (any, error) { return d.token().Snapshot(), nil }),
	},
	port.SectionIdempotency: {
		in: inIdempotency, place: byKey(32), record: decoding(archivedClaim), write: put(inIdempotency, replacingClaim),
	},
	port.SectionAudit: {in: inAudit, count: countAudit, page: pageOfAudit, write: put(inAudit, replacingRecord)},
	port.SectionHeads: {
		in: inHeads, place: byHead, write: put(inHeads, replacingHead),
		record: decoding(func(d *headDoc) (any, error) { return d.head(), nil }),
	},
	port.SectionKeys: {
		in: inKeys, live: bson.D{is("version", bson.D{is("$gt", int64(0))})}, place: bySet, write: put(inKeys, replacingKeys),
		record: decoding(func(d *keysDoc) (any, error) { return d.set(), nil }),
	},
	port.SectionCounters: {
		in: inCounters, place: byID(32, bson.TypeBinaryGeneric), record: decoding(archivedCounter), write: put(inCounters, replacingCounter),
	},
	port.SectionOutbox: {
		in: inOutbox, place: byID(16, bson.TypeBinaryUUID), record: decoding(archivedJob), write: writeJobs,
	},
}

// counted are figures that are not all zero.
var counted = is("$or", func() (out bson.A) {
	for _, f := range []string{"documents", "orders", "estimates", "invoices", "outstanding"} {
		out = append(out, bson.D{is("fig."+f, bson.D{is("$nin", bson.A{nil, int64(0)})})})
	}
	return out
}())

// decoding reads a document and says what it stands for.
func decoding[D any](value func(*D) (any, error)) func(bson.Raw) (any, error) {
	return func(raw bson.Raw) (any, error) {
		var d D
		if err := decode(raw, &d); err != nil {
			return nil, err
		}
		return value(&d)
	}
}

// archived is the snapshot of what is rebuilt.
func archived[D, A, V any](rebuild func(*D) (A, error), snapshot func(A) V) func(*D) (any, error) {
	return func(d *D) (any, error) {
		a, err := rebuild(d)
		if err != nil {
			return nil, err
		}
		return snapshot(a), nil
	}
}

// bytesAfter reads a part of a place; "" lies below every id and digest.
func bytesAfter(part string, width int) ([]byte, error) {
	if part == "" {
		return make([]byte, width), nil
	}
	b, err := port.BytesOfKey(part)
	if err == nil && len(b) != width {
		err = fmt.Errorf("%d bytes instead of %d", len(b), width)
	}
	return b, err
}

// byKey is the place in tenant data that has one more part in its key.
func byKey(width int) func(tenant.ID, string) (bson.E, error) {
	return func(t tenant.ID, after string) (bson.E, error) {
		b, err := bytesAfter(after, width)
		_, last := bounds(t, width)
		return is("_id", bson.D{is("$gt", key(t, b)), is("$lte", last)}), err
	}
}

// byID is the place in what belongs to no tenant.
func byID(width int, subtype byte) func(tenant.ID, string) (bson.E, error) {
	return func(_ tenant.ID, after string) (bson.E, error) {
		b, err := bytesAfter(after, width)
		return is("_id", bson.D{is("$gt", primitive.Binary{Subtype: subtype, Data: b})}), err
	}
}

func byHead(t tenant.ID, after string) (bson.E, error) {
	return byID(32, bson.TypeBinaryGeneric)(t, strings.Replace(after, "/", "", 1))
}

func byNumber(t tenant.ID, after string) (bson.E, error) {
	n, err := port.NumberOfKey(after)
	return beyond(t, n), err
}

// bySet: the whole set is one record.
func bySet(_ tenant.ID, after string) (bson.E, error) {
	if after >= port.RecordOf((keysDoc{}).set()).Key {
		return keysIn(nil), nil
	}
	return is("_id", theKeys), nil
}

// kinds of numbers by rising name.
var kinds = []struct {
	name string
	kind byte
}{{"company", companyNumbers}, {"contact", contactNumbers}, {"tag", tagNumbers}}

func byKind(t tenant.ID, after string) (bson.E, error) {
	var ids []primitive.Binary
	for _, k := range kinds {
		if k.name > after {
			ids = append(ids, key(t, []byte{k.kind}))
		}
	}
	return keysIn(ids), nil
}

func archivedNumber(d *numberDoc) (any, error) {
	for _, k := range kinds {
		if n := len(d.ID.Data); n > 0 && d.ID.Data[n-1] == k.kind {
			return port.ArchivedNumber{Kind: k.name, Next: d.Last + 1}, nil
		}
	}
	return nil, fmt.Errorf("%w: a number of no kind", errStored)
}

func archivedContact(d *contactDoc) (any, error) {
	c, err := d.contact()
	if err != nil {
		return nil, err
	}
	out := port.ArchivedContact{Contact: c.Snapshot()}
	if d.Login == nil {
		return out, nil
	}
	u, err := d.user()
	if err != nil {
		return nil, err
	}
	login := u.Snapshot()
	out.User = &login
	return out, nil
}

func archivedBlob(d *blobDoc) (any, error) {
	if len(d.ID.Data) != 32 {
		return nil, fmt.Errorf("%w: a picture without an id", errStored)
	}
	return avatar.Blob{ID: avatar.BlobIDFromBytes([16]byte(d.ID.Data[16:])), Media: d.Media, Bytes: d.Bytes}, nil
}

func archivedFigures(d *companyDoc) (any, error) {
	id, err := numberOf(d.N, company.IDOf)
	return port.ArchivedFigures{Company: id, Figures: d.Figures.figures()}, err
}

func archivedClaim(d *requestDoc) (any, error) {
	if len(d.ID.Data) != 48 {
		return nil, fmt.Errorf("%w: a request without a key", errStored)
	}
	return port.ArchivedClaim{
		Key: port.IdempotencyKey(d.ID.Data[16:]), Body: digestOf(d.Body), Lease: d.Lease.UTC(), Answered: timeOf(d.Answered),
		Answer: d.Answer, Expires: d.Expires.UTC(),
	}, nil
}

func archivedCounter(d *counterDoc) (any, error) {
	return port.ArchivedCounter{
		Key: digestOf(d.ID), State: throttle.State{Count: int(d.Count), At: timeOf(d.At)}, Forget: timeOf(d.Forget),
	}, nil
}

func archivedJob(d *jobDoc) (any, error) {
	j, err := d.job()
	return port.ArchivedJob{Job: j, CountsUntil: timeOf(d.Until)}, err
}
