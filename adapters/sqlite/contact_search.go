package sqlite

import (
	"context"
	"math"
	"strconv"
	"strings"

	"ostiary/app/port"
	"ostiary/domain/company"
	"ostiary/domain/contact"
	"ostiary/domain/tenant"
)

// handful is how many contacts may be gone through one by one without a
// thought to which index is best.
const handful = 1000

// List implements port.Contacts.
func (s *Contacts) List(ctx context.Context, t tenant.ID, q port.ContactQuery, after contact.ID, limit int) (out []*contact.Contact, err error) {
	err = s.db.snapshot(ctx, "list contacts", func(x rx) error {
		size, err := sizeOf(x, t, q)
		if err != nil {
			return err
		}
		se := newSearch(t, q)
		indexed, err := se.few(x, size, int(math.Sqrt(float64(limit)*float64(size))))
		if err != nil {
			return err
		}
		out, err = se.page(x, indexed, window{after: after, limit: limit})
		return err
	})
	return out, err
}

// Page implements port.Contacts.
func (s *Contacts) Page(ctx context.Context, t tenant.ID, q port.ContactQuery, offset, limit int) (out []*contact.Contact, total int, err error) {
	err = s.db.snapshot(ctx, "list contacts", func(x rx) error {
		size, err := sizeOf(x, t, q)
		if err != nil {
			return err
		}
		se, indexed := newSearch(t, q), false
		if total = size; se.filtered() {
			// All matches are counted, so the shorter way through all is best.
			if indexed, err = se.few(x, size, size); err != nil {
				return err
			}
			if total, err = se.count(x, indexed); err != nil {
				return err
			}
			indexed = indexed && total*total <= (offset+limit)*size
		}
		out, err = se.page(x, indexed, window{offset: offset, limit: limit})
		return err
	})
	return out, total, err
}

// sizeOf returns how many contacts the company of the query, or else the
// tenant, has.
func sizeOf(x rx, t tenant.ID, q port.ContactQuery) (int, error) {
	n := 0
	_, err := x.one(t, "SELECT total FROM contact_totals WHERE tenant = ?1 AND company = ?2",
		func(r *row) { n = int(r.int()) }, q.Company)
	return n, err
}

// search finds the ids of matching contacts in one of two ways. Going by id,
// it reads contacts (of a company) in order and drops what does not match:
// best when many match. Going by index, it collects all matches of the most
// selective prefix and sorts them: best when few match. With s contacts, m
// matches and n wanted, the first costs about n*s/m, the second m.
type search struct {
	tenant  tenant.ID
	company company.ID
	ranges  []keyRange // any of them; nil: no prefix is asked for
	rest    []matcher  // all of them, besides ranges
}

// keyRange is a prefix in one search column.
type keyRange struct{ index, column, prefix string }

// matcher writes a condition on contacts c.
type matcher func(*sqlArgs) string

func newSearch(t tenant.ID, q port.ContactQuery) *search {
	s := &search{tenant: t, company: q.Company}
	if q.Email != "" {
		s.rest = append(s.rest, func(a *sqlArgs) string { return "c.email_key = " + a.add(string(q.Email)) })
	}
	// The most selective first: it becomes the range, the others conditions.
	s.prefix(q.Phone, "phone", "phone2")
	s.prefix(q.LastName, "last")
	s.prefix(q.FirstName, "first")
	if strings.TrimSpace(q.Prefix) == q.Prefix {
		// A full name begins with the first name, so it covers that too.
		s.prefix(q.Prefix, "full", "last")
	} else {
		s.prefix(q.Prefix, "full", "last", "first")
	}
	if q.Email != "" {
		s.giveUpRanges() // an address has one contact at most
	}
	return s
}

func (s *search) prefix(text string, columns ...string) {
	if text == "" {
		return
	}
	text = strings.ToLower(text)
	ranges := make([]keyRange, len(columns))
	for i, c := range columns {
		ranges[i] = keyRange{index: "contacts_" + c, column: c + "_key", prefix: text}
	}
	if s.ranges == nil {
		s.ranges = ranges
		return
	}
	s.rest = append(s.rest, anyOf(ranges))
}

func (s *search) giveUpRanges() {
	if s.ranges != nil {
		s.rest, s.ranges = append(s.rest, anyOf(s.ranges)), nil
	}
}

func (s *search) filtered() bool { return s.ranges != nil || len(s.rest) > 0 }

// anyOf compares without an index: the unary plus keeps SQLite from choosing one.
func anyOf(ranges []keyRange) matcher {
	return func(a *sqlArgs) string {
		parts := make([]string, len(ranges))
		for i, r := range ranges {
			parts[i] = a.between("+c."+r.column, r.prefix)
		}
		return "(" + strings.Join(parts, " OR ") + ")"
	}
}

// sqlArgs collects the arguments of a statement after the tenant.
type sqlArgs []any

func (a *sqlArgs) add(v any) string {
	*a = append(*a, v)
	return "?" + strconv.Itoa(len(*a)+1)
}

// between matches a prefix. No text holds the byte 0xff, so that all that
// begin with the prefix lie before the prefix with that byte.
func (a *sqlArgs) between(column, prefix string) string {
	return "(" + column + " >= " + a.add(prefix) + " AND " + column + " < " + a.add(prefix+"\xff") + ")"
}

// byIndex writes a query for the column id of all matches.
func (s *search) byIndex(a *sqlArgs) string {
	unions := make([]string, len(s.ranges))
	for i, r := range s.ranges {
		unions[i] = "SELECT id FROM contacts INDEXED BY " + r.index + " WHERE tenant = ?1 AND " + a.between(r.column, r.prefix)
	}
	matches := strings.Join(unions, " UNION ")
	conditions := s.conditions(a)
	if !s.company.IsZero() {
		conditions = append(conditions,
			"EXISTS (SELECT 1 FROM memberships m WHERE m.tenant = ?1 AND m.company = "+a.add(s.company)+" AND m.contact = c.id)")
	}
	if len(conditions) == 0 {
		return matches
	}
	return "SELECT c.id AS id FROM (" + matches + ") k CROSS JOIN contacts c WHERE c.tenant = ?1 AND c.id = k.id AND " +
		strings.Join(conditions, " AND ")
}

// byID writes the same query, rising by id as far as it is read.
func (s *search) byID(a *sqlArgs) string {
	conditions := s.conditions(a)
	if s.ranges != nil {
		conditions = append(conditions, anyOf(s.ranges)(a))
	}
	if s.company.IsZero() {
		return "SELECT c.id AS id FROM contacts c WHERE " + strings.Join(append([]string{"c.tenant = ?1"}, conditions...), " AND ")
	}
	ofCompany := "m.tenant = ?1 AND m.company = " + a.add(s.company)
	if len(conditions) == 0 {
		return "SELECT m.contact AS id FROM memberships m WHERE " + ofCompany
	}
	return "SELECT m.contact AS id FROM memberships m CROSS JOIN contacts c WHERE " + ofCompany +
		" AND c.tenant = ?1 AND c.id = m.contact AND " + strings.Join(conditions, " AND ")
}

func (s *search) conditions(a *sqlArgs) []string {
	var out []string
	for _, m := range s.rest {
		out = append(out, m(a))
	}
	return out
}

func (s *search) query(a *sqlArgs, indexed bool) string {
	if indexed {
		return s.byIndex(a)
	}
	return s.byID(a)
}

// few reports whether to go by index: there is one, going by id is no trifle,
// and the index holds no more than most.
func (s *search) few(x rx, size, most int) (bool, error) {
	if s.ranges == nil || size <= handful {
		return false, nil
	}
	if s.company.IsZero() && most >= size {
		return true, nil
	}
	n, err := s.probe(x, most+1)
	return n <= most, err
}

// probe counts what the index holds, up to most for each range.
func (s *search) probe(x rx, most int) (n int, err error) {
	var a sqlArgs
	parts := make([]string, len(s.ranges))
	for i, r := range s.ranges {
		parts[i] = "(SELECT count(*) FROM (SELECT 1 FROM contacts INDEXED BY " + r.index + " WHERE tenant = ?1 AND " +
			a.between(r.column, r.prefix) + " LIMIT " + a.add(most) + "))"
	}
	_, err = x.one(s.tenant, "SELECT "+strings.Join(parts, " + "), func(r *row) { n = int(r.int()) }, a...)
	return n, err
}

func (s *search) count(x rx, indexed bool) (n int, err error) {
	var a sqlArgs
	query := "SELECT count(*) FROM (" + s.query(&a, indexed) + ")"
	_, err = x.one(s.tenant, query, func(r *row) { n = int(r.int()) }, a...)
	return n, err
}

// window cuts a page out of all matches.
type window struct {
	after         contact.ID
	offset, limit int
}

// page reads ids first, so that what is skipped or sorted away is never read.
func (s *search) page(x rx, indexed bool, w window) ([]*contact.Contact, error) {
	var a sqlArgs
	query := "SELECT id FROM (" + s.query(&a, indexed) + ")"
	if !w.after.IsZero() {
		query += " WHERE id > " + a.add(w.after)
	}
	query += " ORDER BY id LIMIT " + a.add(w.limit) + " OFFSET " + a.add(w.offset)
	var ids []contact.ID
	if err := x.all(s.tenant, query, func(r *row) { ids = append(ids, number(r, contact.IDOf)) }, a...); err != nil {
		return nil, err
	}
	var out []*contact.Contact
	err := x.all(s.tenant, "SELECT "+contactRead+", "+loginOf+` FROM contacts c
		WHERE c.tenant = ?1 AND c.id IN (SELECT value FROM json_each(?2)) ORDER BY c.id`,
		func(r *row) {
			c, _ := contactWithLogin(r)
			out = append(out, c)
		}, idList(ids))
	return out, err
}
