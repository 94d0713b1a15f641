package mongo

import (
	"context"
	"strings"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/mongo/options"

	"ostiary/app/port"
	"ostiary/domain/contact"
	"ostiary/domain/tenant"
)

// List implements port.Contacts.
func (s *Contacts) List(ctx context.Context, t tenant.ID, q port.ContactQuery, after contact.ID, limit int) (out []*contact.Contact, err error) {
	err = s.db.do(ctx, "list contacts", func(ctx context.Context) error {
		out, err = s.page(ctx, matching(t, q, after), options.Find().SetLimit(int64(limit)))
		return err
	})
	return out, err
}

// Page implements port.Contacts.
func (s *Contacts) Page(ctx context.Context, t tenant.ID, q port.ContactQuery, offset, limit int) (out []*contact.Contact, total int, err error) {
	err = s.db.do(ctx, "list contacts", func(ctx context.Context) error {
		filter := matching(t, q, contact.ID{})
		n, err := s.all().count(ctx, filter)
		if err != nil {
			return err
		}
		total, out = int(n), nil
		if offset >= total {
			return nil
		}
		out, err = s.page(ctx, filter, options.Find().SetSkip(int64(offset)).SetLimit(int64(limit)))
		return err
	})
	return out, total, err
}

func (s *Contacts) page(ctx context.Context, filter bson.D, o *options.FindOptions) ([]*contact.Contact, error) {
	var out []*contact.Contact
	err := s.all().each(ctx, filter, func(raw bson.Raw) error {
		var d contactDoc
		if err := decode(raw, &d); err != nil {
			return err
		}
		c, err := d.contact()
		out = append(out, c)
		return err
	}, o.SetSort(bson.D{is("n", 1)}))
	return out, err
}

// matching is the query as a filter. Integer ids rise as keys do, and only
// what callers may see has one.
func matching(t tenant.ID, q port.ContactQuery, after contact.ID) bson.D {
	filter := of(t, is("n", bson.D{is("$gt", after.Int())}))
	if !q.Company.IsZero() {
		filter = append(filter, is("cs", q.Company.Int()))
	}
	if q.Email != "" {
		filter = append(filter, is("ek", string(q.Email)))
	}
	var all bson.A
	for _, m := range []struct {
		prefix string
		fields []string
	}{{q.FirstName, []string{"fk"}}, {q.LastName, []string{"lk"}}, {q.Prefix, []string{"uk", "lk", "fk"}}, {q.Phone, []string{"pk", "qk"}}} {
		if m.prefix != "" {
			all = append(all, begins(m.prefix, m.fields))
		}
	}
	if all != nil {
		filter = append(filter, is("$and", all))
	}
	return filter
}

// begins holds when any of the fields begins with the text. Text is compared
// by its bytes, so a range says it without any pattern.
func begins(prefix string, fields []string) bson.D {
	from := strings.ToLower(prefix)
	var any bson.A
	for _, f := range fields {
		any = append(any, bson.D{is(f, bson.D{is("$gte", from), is("$lt", pastPrefix(from))})})
	}
	return bson.D{is("$or", any)}
}

// pastPrefix is the least text after all that begin with s: the highest code point
// that is ever assigned comes after every other.
func pastPrefix(s string) string { return s + "\U0010FFFF" }
