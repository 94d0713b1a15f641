package mongo

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"
	"go.mongodb.org/mongo-driver/mongo/options"

	"ostiary/app/port"
	"ostiary/domain/secret"
	"ostiary/domain/session"
	"ostiary/domain/tenant"
	"ostiary/domain/user"
)

// Links implements port.Links.
type Links struct{ db *DB }

var _ port.Links = (*Links)(nil)

// NewLinks returns the links of db.
func NewLinks(db *DB) *Links { return &Links{db: db} }

// linkDoc is a stored link. It is changed by single conditional writes only, so
// it counts no revisions.
type linkDoc struct {
	ID      primitive.Binary `bson:"_id"`
	T       primitive.Binary `bson:"t"`
	Token   []byte           `bson:"tok"`
	Link    primitive.Binary `bson:"id"`
	User    primitive.Binary `bson:"user"`
	Epoch   int64            `bson:"epoch"`
	Purpose string           `bson:"purpose"`
	Binding []byte           `bson:"bind,omitempty"`
	Code    []byte           `bson:"code,omitempty"`
	Tries   int64            `bson:"tries"`
	Minted  *time.Time       `bson:"minted,omitempty"`
	Expires *time.Time       `bson:"expires,omitempty"`
	Used    *time.Time       `bson:"used,omitempty"`
	Void    bool             `bson:"void"`
}

func docOfLink(l session.Link) linkDoc {
	return linkDoc{
		ID: key(l.Tenant, l.Token[:]), T: uuid(l.Tenant.Bytes()), Token: l.Token[:], Link: uuid(l.ID.Bytes()),
		User: uuid(l.User.Bytes()), Epoch: l.Epoch, Purpose: string(l.Purpose), Binding: digest(l.Binding), Code: digest(l.Code),
		Tries: int64(l.Tries), Minted: moment(l.Minted), Expires: moment(l.Expires), Used: moment(l.Used), Void: l.Void,
	}
}

func (d linkDoc) link() session.Link {
	return session.Link{
		Tenant: tenant.IDFromBytes(sixteen(d.T)), ID: session.LinkIDFromBytes(sixteen(d.Link)),
		User: user.IDFromBytes(sixteen(d.User)), Epoch: d.Epoch, Purpose: session.Purpose(d.Purpose),
		Token: digestOf(d.Token), Binding: digestOf(d.Binding), Code: digestOf(d.Code), Tries: int(d.Tries),
		Minted: timeOf(d.Minted), Expires: timeOf(d.Expires), Used: timeOf(d.Used), Void: d.Void,
	}
}

// Add implements port.Links.
func (s *Links) Add(ctx context.Context, l session.Link) error {
	return s.db.do(ctx, "add link", func(ctx context.Context) error {
		ok, err := s.db.collection(inLinks).insert(ctx, docOfLink(l))
		if err == nil && !ok {
			err = errTaken
		}
		return err
	})
}

// usable is the filter for links of a tenant that are neither used nor void
// nor run out.
func usable(t tenant.ID, now time.Time, rest ...bson.E) bson.D {
	return of(t, append(rest, absent("used"), is("void", false), later("expires", now))...)
}

// Use implements port.Links.
func (s *Links) Use(ctx context.Context, t tenant.ID, token secret.Digest, now time.Time) (session.Link, error) {
	return s.use(ctx, usable(t, now, is("_id", key(t, token[:]))), now)
}

// UseBound implements port.Links.
func (s *Links) UseBound(ctx context.Context, t tenant.ID, token, binding secret.Digest, now time.Time) (session.Link, error) {
	if binding.IsZero() { // as a condition it would mean links without a binding
		return session.Link{}, session.ErrLinkSpent
	}
	return s.use(ctx, usable(t, now, is("_id", key(t, token[:])), is("bind", digest(binding))), now)
}

func (s *Links) use(ctx context.Context, which bson.D, now time.Time) (out session.Link, err error) {
	err = s.db.do(ctx, "use link", func(ctx context.Context) error {
		out, err = s.spend(ctx, which, now)
		return err
	})
	return out, err
}

// spend is the one conditional write by which a link is used up.
func (s *Links) spend(ctx context.Context, which bson.D, now time.Time) (session.Link, error) {
	return s.take(ctx, which, set(is("used", now)))
}

func (s *Links) take(ctx context.Context, which, change bson.D) (session.Link, error) {
	var d linkDoc
	ok, err := s.db.collection(inLinks).take(ctx, which, change, &d)
	if err == nil && !ok {
		err = session.ErrLinkSpent
	}
	if err != nil {
		return session.Link{}, err
	}
	return d.link(), nil
}

// UseCode implements port.Links. Every guess is paid for before it is judged,
// so that no number of guesses at once gets more than CodeTries judged.
func (s *Links) UseCode(ctx context.Context, t tenant.ID, u user.ID, binding, code secret.Digest, now time.Time) (out session.Link, err error) {
	if binding.IsZero() {
		return session.Link{}, session.ErrLinkSpent
	}
	err = s.db.do(ctx, "use code", func(ctx context.Context) error {
		var newest linkDoc
		ok, err := s.db.collection(inLinks).find(ctx, usable(t, now, is("user", uuid(u.Bytes())), is("bind", digest(binding))), &newest,
			options.FindOne().SetSort(bson.D{is("minted", -1), is("id", -1)}))
		if err != nil {
			return err
		}
		if !ok {
			return session.ErrLinkSpent
		}
		this := is("_id", newest.ID)
		paid, err := s.take(ctx, usable(t, now, this, is("tries", bson.D{is("$lt", session.CodeTries)})),
			bson.D{is("$inc", bson.D{is("tries", int64(1))})})
		if err != nil {
			return err
		}
		if paid.Code.IsZero() || !paid.Code.Equal(code) {
			return session.ErrLinkSpent
		}
		out, err = s.spend(ctx, usable(t, now, this), now)
		return err
	})
	return out, err
}

// HandedOver implements port.Links.
func (s *Links) HandedOver(ctx context.Context, l session.Link) error {
	older := bson.A{
		bson.D{is("minted", bson.D{is("$lt", l.Minted)})},
		bson.D{is("minted", l.Minted), is("id", bson.D{is("$lt", uuid(l.ID.Bytes()))})},
	}
	return s.db.do(ctx, "void links", func(ctx context.Context) error {
		_, err := s.db.collection(inLinks).updateAll(ctx, of(l.Tenant, is("user", uuid(l.User.Bytes())), is("purpose", string(l.Purpose)),
			absent("used"), is("void", false), is("$or", older)), set(is("void", true)))
		return err
	})
}
