package mongo

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"
	"go.mongodb.org/mongo-driver/mongo/options"

	"ostiary/app/port"
	"ostiary/domain/company"
	"ostiary/domain/contact"
	"ostiary/domain/session"
	"ostiary/domain/tenant"
	"ostiary/domain/user"
)

// Sessions implements port.Sessions.
type Sessions struct{ db *DB }

var _ port.Sessions = (*Sessions)(nil)

// NewSessions returns the sessions of db.
func NewSessions(db *DB) *Sessions { return &Sessions{db: db} }

// listed is the most sessions of a user that are shown.
const listed = 200

// sessionDoc is a stored session. Expires is from when on it may be removed.
type sessionDoc struct {
	Stamp      `bson:",inline"`
	Session    primitive.Binary `bson:"id"`
	User       primitive.Binary `bson:"user"`
	Contact    int64            `bson:"contact"`
	Company    int64            `bson:"company"`
	Portal     primitive.Binary `bson:"portal"`
	Epoch      int64            `bson:"epoch"`
	Method     string           `bson:"method"`
	Restricted bool             `bson:"restricted"`
	AuthTime   *time.Time       `bson:"auth,omitempty"`
	Created    *time.Time       `bson:"created,omitempty"`
	LastUsed   *time.Time       `bson:"last,omitempty"`
	IdleUntil  *time.Time       `bson:"idle,omitempty"`
	Until      *time.Time       `bson:"until,omitempty"`
	Ended      *time.Time       `bson:"ended,omitempty"`
	Expires    *time.Time       `bson:"expires,omitempty"`
	UserAgent  string           `bson:"agent"`
	Address    string           `bson:"addr"`
	Generation int64            `bson:"gen"`
	Current    []byte           `bson:"cur,omitempty"`
	Previous   []byte           `bson:"prev,omitempty"`
	RotatedAt  *time.Time       `bson:"rotated,omitempty"`
	Version    int64            `bson:"version"`
}

func sessionKey(t tenant.ID, id session.ID) primitive.Binary {
	b := id.Bytes()
	return key(t, b[:])
}

func docOfSession(s session.Snapshot, head Stamp) sessionDoc {
	expires := s.Ended
	if expires.IsZero() {
		expires = s.IdleUntil
	}
	return sessionDoc{
		Stamp: head, Session: uuid(s.ID.Bytes()), User: uuid(s.User.Bytes()), Contact: s.Contact.Int(), Company: s.Company.Int(),
		Portal: uuid(s.Portal.Bytes()), Epoch: s.Epoch, Method: string(s.Method), Restricted: s.Restricted,
		AuthTime: moment(s.AuthTime), Created: moment(s.Created), LastUsed: moment(s.LastUsed),
		IdleUntil: moment(s.IdleUntil), Until: moment(s.Until), Ended: moment(s.Ended), Expires: moment(expires),
		UserAgent: s.Client.UserAgent, Address: s.Client.Address, Generation: int64(s.Generation),
		Current: digest(s.Current), Previous: digest(s.Previous), RotatedAt: moment(s.RotatedAt), Version: s.Version,
	}
}

func (d sessionDoc) session() (*session.Session, error) {
	who, err := numberOf(d.Contact, contact.IDOf)
	if err != nil {
		return nil, err
	}
	where, err := numberOf(d.Company, company.IDOf)
	if err != nil {
		return nil, err
	}
	return session.Restore(session.Snapshot{
		Tenant: tenant.IDFromBytes(sixteen(d.T)), ID: session.IDFromBytes(sixteen(d.Session)),
		User: user.IDFromBytes(sixteen(d.User)), Contact: who, Company: where, Portal: company.PortalIDFromBytes(sixteen(d.Portal)),
		Epoch: d.Epoch, Method: session.Method(d.Method), Restricted: d.Restricted,
		AuthTime: timeOf(d.AuthTime), Created: timeOf(d.Created), LastUsed: timeOf(d.LastUsed),
		IdleUntil: timeOf(d.IdleUntil), Until: timeOf(d.Until), Ended: timeOf(d.Ended),
		Client:     session.Client{UserAgent: d.UserAgent, Address: d.Address},
		Generation: uint32(d.Generation), //nolint:gosec // written from a uint32
		Current:    digestOf(d.Current), Previous: digestOf(d.Previous), RotatedAt: timeOf(d.RotatedAt), Version: d.Version,
	}), nil
}

// Add implements port.Sessions.
func (s *Sessions) Add(ctx context.Context, se *session.Session) error {
	snap := se.Snapshot()
	doc := docOfSession(snap, stamped(snap.Tenant, sessionKey(snap.Tenant, snap.ID)))
	return s.db.do(ctx, "add session", func(ctx context.Context) error {
		ok, err := s.db.collection(inSessions).insert(ctx, doc)
		if err == nil && !ok {
			err = errTaken
		}
		return err
	})
}

// ByID implements port.Sessions.
func (s *Sessions) ByID(ctx context.Context, t tenant.ID, id session.ID) (out *session.Session, err error) {
	err = s.db.do(ctx, "find session", func(ctx context.Context) error {
		var d sessionDoc
		ok, err := s.db.collection(inSessions).find(ctx, of(t, is("_id", sessionKey(t, id))), &d)
		if err != nil {
			return err
		}
		if !ok {
			return session.ErrNotFound
		}
		out, err = d.session()
		return err
	})
	return out, err
}

// Update implements port.Sessions.
func (s *Sessions) Update(ctx context.Context, t tenant.ID, id session.ID, change func(*session.Session) error) error {
	return s.db.do(ctx, "update session", func(ctx context.Context) error {
		return revise(ctx, revision[*sessionDoc]{
			in: s.db.collection(inSessions), tenant: t, id: sessionKey(t, id), live: present("user"), absent: session.ErrNotFound,
			change: func(d *sessionDoc) ([]port.Change, error) {
				se, err := d.session()
				if err != nil {
					return nil, err
				}
				live := se.Snapshot().Ended.IsZero()
				if err := ask(change, se); err != nil {
					return nil, err
				}
				snap := se.Snapshot()
				*d = docOfSession(snap, d.Stamp)
				if live && !snap.Ended.IsZero() {
					return []port.Change{{Tenant: t, Kind: port.SessionEnded, ID: id.String()}}, nil
				}
				return nil, nil
			},
		})
	})
}

// ByUser implements port.Sessions.
func (s *Sessions) ByUser(ctx context.Context, t tenant.ID, u user.ID, epoch int64, now time.Time) (out []*session.Session, err error) {
	err = s.db.do(ctx, "list sessions", func(ctx context.Context) error {
		docs, err := list[sessionDoc](ctx, s.db.collection(inSessions),
			of(t, is("user", uuid(u.Bytes())), is("epoch", epoch), absent("ended"), later("idle", now), later("until", now)),
			options.Find().SetSort(bson.D{is("created", -1), is("_id", -1)}).SetLimit(listed))
		if err != nil {
			return err
		}
		out = make([]*session.Session, len(docs))
		for i, d := range docs {
			if out[i], err = d.session(); err != nil {
				return err
			}
		}
		return nil
	})
	return out, err
}

// later is the condition that a stored time lies after another.
func later(field string, t time.Time) bson.E { return is(field, bson.D{is("$gt", t)}) }

// openSessions lists the sessions of a user that have not ended.
func (db *DB) openSessions(ctx context.Context, t tenant.ID, u user.ID) ([]session.ID, error) {
	docs, err := list[sessionDoc](ctx, db.collection(inSessions), of(t, is("user", uuid(u.Bytes())), absent("ended")),
		options.Find().SetProjection(bson.D{is("id", 1)}))
	if err != nil {
		return nil, err
	}
	out := make([]session.ID, len(docs))
	for i, d := range docs {
		out[i] = session.IDFromBytes(sixteen(d.Session))
	}
	return out, nil
}

// removeSessionsAndLinks removes what a user signed in with. What must be
// announced is for the caller to announce, before.
func (db *DB) removeSessionsAndLinks(ctx context.Context, t tenant.ID, u user.ID) error {
	for _, name := range []string{inSessions, inLinks} {
		if _, err := db.collection(name).removeAll(ctx, of(t, is("user", uuid(u.Bytes())))); err != nil {
			return err
		}
	}
	return nil
}
