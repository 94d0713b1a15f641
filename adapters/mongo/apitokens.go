package mongo

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"
	"go.mongodb.org/mongo-driver/mongo/options"

	"ostiary/app/port"
	"ostiary/domain/actor"
	"ostiary/domain/apitoken"
	"ostiary/domain/tenant"
)

// APITokens implements port.APITokens.
type APITokens struct{ db *DB }

var _ port.APITokens = (*APITokens)(nil)

// NewAPITokens returns the API tokens of db.
func NewAPITokens(db *DB) *APITokens { return &APITokens{db: db} }

// tokenDoc is a stored token. It is changed by one conditional write only, so it
// counts no revisions.
type tokenDoc struct {
	ID          primitive.Binary   `bson:"_id"`
	T           primitive.Binary   `bson:"t"`
	Token       primitive.Binary   `bson:"id"`
	Name        string             `bson:"name"`
	Digest      []byte             `bson:"digest,omitempty"`
	Permissions []actor.Permission `bson:"can,omitempty"`
	Created     *time.Time         `bson:"created,omitempty"`
	CreatedBy   string             `bson:"by"`
	Expires     *time.Time         `bson:"expires,omitempty"`
	Revoked     *time.Time         `bson:"revoked,omitempty"`
}

func tokenKey(t tenant.ID, id apitoken.ID) primitive.Binary {
	b := id.Bytes()
	return key(t, b[:])
}

func docOfToken(s apitoken.Snapshot) tokenDoc {
	return tokenDoc{
		ID: tokenKey(s.Tenant, s.ID), T: uuid(s.Tenant.Bytes()), Token: uuid(s.ID.Bytes()), Name: s.Name, Digest: digest(s.Digest),
		Permissions: s.Permissions, Created: moment(s.Created), CreatedBy: s.CreatedBy, Expires: moment(s.Expires), Revoked: moment(s.Revoked),
	}
}

func (d tokenDoc) token() *apitoken.Token {
	return apitoken.Restore(apitoken.Snapshot{
		Tenant: tenant.IDFromBytes(sixteen(d.T)), ID: apitoken.IDFromBytes(sixteen(d.Token)), Name: d.Name, Digest: digestOf(d.Digest),
		Permissions: d.Permissions, Created: timeOf(d.Created), CreatedBy: d.CreatedBy, Expires: timeOf(d.Expires), Revoked: timeOf(d.Revoked),
	})
}

// Add implements port.APITokens.
func (s *APITokens) Add(ctx context.Context, t *apitoken.Token) error {
	return s.db.do(ctx, "add token", func(ctx context.Context) error {
		ok, err := s.db.collection(inAPITokens).insert(ctx, docOfToken(t.Snapshot()))
		if err == nil && !ok {
			err = errTaken
		}
		return err
	})
}

// ByID implements port.APITokens.
func (s *APITokens) ByID(ctx context.Context, t tenant.ID, id apitoken.ID) (out *apitoken.Token, err error) {
	err = s.db.do(ctx, "find token", func(ctx context.Context) error {
		var d tokenDoc
		ok, err := s.db.collection(inAPITokens).find(ctx, of(t, is("_id", tokenKey(t, id))), &d)
		if err != nil {
			return err
		}
		if !ok {
			return apitoken.ErrNotFound
		}
		out = d.token()
		return nil
	})
	return out, err
}

// Revoke implements port.APITokens. It looks before it announces: what is
// refused anyway need not be heard of.
func (s *APITokens) Revoke(ctx context.Context, t tenant.ID, id apitoken.ID, now time.Time) error {
	live := of(t, is("_id", tokenKey(t, id)), absent("revoked"))
	return s.db.do(ctx, "revoke token", func(ctx context.Context) error {
		tokens := s.db.collection(inAPITokens)
		there, err := tokens.has(ctx, live)
		if err != nil {
			return err
		}
		if !there {
			return apitoken.ErrNotFound
		}
		return s.db.change(ctx, []port.Change{{Tenant: t, Kind: port.APITokenChanged, ID: id.String()}}, func(ctx context.Context) error {
			ok, err := tokens.update(ctx, live, set(is("revoked", now)))
			if err == nil && !ok {
				err = apitoken.ErrNotFound
			}
			return err
		})
	})
}

// List implements port.APITokens.
func (s *APITokens) List(ctx context.Context, t tenant.ID, after apitoken.ID, limit int) (out []*apitoken.Token, err error) {
	if limit < 1 {
		return nil, nil
	}
	_, last := bounds(t, widthOf(inAPITokens))
	page := is("_id", bson.D{is("$gt", tokenKey(t, after)), is("$lte", last)})
	err = s.db.do(ctx, "list tokens", func(ctx context.Context) error {
		docs, err := list[tokenDoc](ctx, s.db.collection(inAPITokens), of(t, page, absent("revoked")),
			options.Find().SetSort(bson.D{is("_id", 1)}).SetLimit(int64(limit)))
		out = make([]*apitoken.Token, len(docs))
		for i, d := range docs {
			out[i] = d.token()
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}
