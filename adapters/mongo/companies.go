package mongo

import (
	"context"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/mongo/options"

	"ostiary/app/port"
	"ostiary/domain/company"
	"ostiary/domain/tenant"
)

// Companies implements port.Companies.
type Companies struct{ db *DB }

var _ port.Companies = (*Companies)(nil)

// NewCompanies returns the companies of db.
func NewCompanies(db *DB) *Companies { return &Companies{db: db} }

func (s *Companies) all() collection { return s.db.collection(inCompanies) }

// Add implements port.Companies.
func (s *Companies) Add(ctx context.Context, c *company.Company) error {
	d := companyDoc{Stamp: stamped(c.Tenant(), companyKey(c.Tenant(), c.ID()))}
	d.become(c)
	return s.db.do(ctx, "add company", func(ctx context.Context) error {
		ok, err := s.all().insert(ctx, d)
		if err == nil && !ok {
			err = errTaken
		}
		return err
	})
}

// ByID implements port.Companies.
func (s *Companies) ByID(ctx context.Context, t tenant.ID, id company.ID) (out *company.Company, err error) {
	err = s.db.do(ctx, "find company", func(ctx context.Context) error {
		var d companyDoc
		ok, err := s.all().find(ctx, of(t, is("_id", companyKey(t, id)), present("n")), &d, options.FindOne().SetProjection(withoutBooks))
		if err != nil {
			return err
		}
		if !ok {
			return company.ErrNotFound
		}
		out, err = d.company()
		return err
	})
	return out, err
}

// ByIDs implements port.Companies.
func (s *Companies) ByIDs(ctx context.Context, t tenant.ID, ids []company.ID) ([]*company.Company, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	numbers := make([]int64, len(ids))
	for i, id := range ids {
		numbers[i] = id.Int()
	}
	return s.list(ctx, "find companies", of(t, keysIn(companyKeys(t, numbers)), present("n")), options.Find())
}

// List implements port.Companies.
func (s *Companies) List(ctx context.Context, t tenant.ID, after company.ID, limit int) ([]*company.Company, error) {
	return s.list(ctx, "list companies", of(t, beyond(t, after.Int()), present("n")), options.Find().SetLimit(int64(limit)))
}

// beyond is the condition that a number of a tenant comes after that one.
func beyond(t tenant.ID, after int64) bson.E {
	_, last := bounds(t, len(numeral(0)))
	return is("_id", bson.D{is("$gt", key(t, numeral(after))), is("$lte", last)})
}

func (s *Companies) list(ctx context.Context, what string, filter bson.D, o *options.FindOptions) (out []*company.Company, err error) {
	err = s.db.do(ctx, what, func(ctx context.Context) error {
		docs, err := list[companyDoc](ctx, s.all(), filter, o.SetProjection(withoutBooks).SetSort(bson.D{is("_id", 1)}))
		if err != nil {
			return err
		}
		out, err = rebuilt(docs, (*companyDoc).company)
		return err
	})
	return out, err
}

// rebuilt turns stored documents into what they stand for.
func rebuilt[D, A any](docs []D, rebuild func(*D) (A, error)) ([]A, error) {
	out := make([]A, 0, len(docs))
	for i := range docs {
		a, err := rebuild(&docs[i])
		if err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	return out, nil
}

// Update implements port.Companies.
func (s *Companies) Update(ctx context.Context, t tenant.ID, id company.ID, change func(*company.Company) error) error {
	return s.db.do(ctx, "update company", func(ctx context.Context) error {
		return revise(ctx, revision[*companyDoc]{
			in: s.all(), tenant: t, id: companyKey(t, id), live: present("n"), absent: company.ErrNotFound,
			change: func(d *companyDoc) ([]port.Change, error) {
				c, err := d.company()
				if err != nil {
					return nil, err
				}
				if err := ask(change, c); err != nil {
					return nil, err
				}
				d.become(c)
				return companyChanges(t, id), nil
			},
		})
	})
}

func companyChanges(t tenant.ID, id company.ID) []port.Change {
	return []port.Change{{Tenant: t, Kind: port.CompanyChanged, ID: id.String()}}
}
