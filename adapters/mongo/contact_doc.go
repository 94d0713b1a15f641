package mongo

import (
	"fmt"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/bson/primitive"

	"ostiary/domain/avatar"
	"ostiary/domain/company"
	"ostiary/domain/contact"
	"ostiary/domain/email"
	"ostiary/domain/scope"
	"ostiary/domain/secret"
	"ostiary/domain/tenant"
	"ostiary/domain/user"
)

// contactDoc is a contact with its login: one document, so that an address
// moves with its login, with a version for each. N is there only while callers
// may see it.
type contactDoc struct {
	Stamp   `bson:",inline"`
	Bond    `bson:",inline"`
	N       int64           `bson:"n,omitempty"`
	First   string          `bson:"first,omitempty"`
	Last    string          `bson:"last,omitempty"`
	Email   string          `bson:"email,omitempty"`
	EmailID string          `bson:"ek,omitempty"`
	Phone   string          `bson:"phone,omitempty"`
	Phone2  string          `bson:"phone2,omitempty"`
	Members []membershipDoc `bson:"members,omitempty"`
	// Companies and Tags are what contacts are searched and referred to by;
	// the tags have no other home.
	Companies []int64      `bson:"cs,omitempty"`
	Tags      []int64      `bson:"gs,omitempty"`
	Scopes    []pair[bool] `bson:"scopes,omitempty"`
	Ref       string       `bson:"ref,omitempty"`
	Avatar    *avatarDoc   `bson:"avatar,omitempty"`
	Created   *time.Time   `bson:"created,omitempty"`
	Updated   *time.Time   `bson:"updated,omitempty"`
	Version   int64        `bson:"v,omitempty"`
	// Lower-cased text that searches compare with: first, last and full name,
	// and both phone numbers.
	FirstKey  string    `bson:"fk,omitempty"`
	LastKey   string    `bson:"lk,omitempty"`
	FullKey   string    `bson:"uk,omitempty"`
	PhoneKey  string    `bson:"pk,omitempty"`
	Phone2Key string    `bson:"qk,omitempty"`
	Login     *loginDoc `bson:"login,omitempty"`
	Left      *leftDoc  `bson:"left,omitempty"`
}

// membershipDoc is the stored form of contact.Membership.
type membershipDoc struct {
	Company              int64 `bson:"company"`
	Primary              bool  `bson:"primary,omitempty"`
	Quotation            bool  `bson:"quotation,omitempty"`
	PurchaseOrder        bool  `bson:"order,omitempty"`
	PurchaseOrderInvoice bool  `bson:"invoice,omitempty"`
}

// loginDoc is the stored form of user.User. The address is the contact's.
type loginDoc struct {
	ID        primitive.Binary `bson:"id"`
	Hash      string           `bson:"hash,omitempty"`
	Temporary bool             `bson:"temporary,omitempty"`
	Enabled   bool             `bson:"enabled,omitempty"`
	Roles     []string         `bson:"roles,omitempty"`
	Epoch     int64            `bson:"epoch"`
	Created   *time.Time       `bson:"created,omitempty"`
	Updated   *time.Time       `bson:"updated,omitempty"`
	Version   int64            `bson:"v"`
}

// leftDoc is all that is kept of a removed contact until what belonged to it
// is gone too.
type leftDoc struct {
	Claims []claim          `bson:"claims,omitempty"`
	Login  primitive.Binary `bson:"login,omitempty"`
}

// avatarDoc is the stored form of avatar.Avatar.
type avatarDoc struct {
	Blob      primitive.Binary `bson:"blob"`
	Thumbnail primitive.Binary `bson:"thumbnail"`
	Width     int              `bson:"width"`
	Height    int              `bson:"height"`
}

func toAvatar(a avatar.Avatar) *avatarDoc {
	if a == (avatar.Avatar{}) {
		return nil
	}
	return &avatarDoc{Blob: uuid(a.Blob.Bytes()), Thumbnail: uuid(a.Thumbnail.Bytes()), Width: a.Width, Height: a.Height}
}

func (d *avatarDoc) avatar() avatar.Avatar {
	if d == nil {
		return avatar.Avatar{}
	}
	return avatar.Avatar{
		Blob: avatar.BlobIDFromBytes(sixteen(d.Blob)), Thumbnail: avatar.BlobIDFromBytes(sixteen(d.Thumbnail)),
		Width: d.Width, Height: d.Height,
	}
}

func contactKey(t tenant.ID, id contact.ID) primitive.Binary { return key(t, numeral(id.Int())) }

// become writes what a contact is now into the document. Its login, claims and
// revision stay.
func (d *contactDoc) become(c *contact.Contact) {
	s := c.Snapshot()
	in := s.Details
	d.N, d.First, d.Last, d.Email, d.EmailID = s.ID.Int(), in.FirstName, in.LastName, in.Email.String(), string(in.Email.Key())
	d.Phone, d.Phone2, d.Scopes, d.Ref = in.Phone, in.Phone2, pairs(in.Scopes), in.ExternalRef
	d.Avatar, d.Created, d.Updated, d.Version = toAvatar(s.Avatar), moment(s.Created), moment(s.Updated), s.Version
	d.FirstKey, d.LastKey, d.FullKey = strings.ToLower(in.FirstName), strings.ToLower(in.LastName), strings.ToLower(c.FullName())
	d.PhoneKey, d.Phone2Key = strings.ToLower(in.Phone), strings.ToLower(in.Phone2)
	d.Members, d.Companies, d.Tags = nil, nil, nil
	for _, m := range in.Companies {
		d.Companies = append(d.Companies, m.Company.Int())
		d.Members = append(d.Members, membershipDoc{
			Company: m.Company.Int(), Primary: m.Primary, Quotation: m.Receives.Quotation,
			PurchaseOrder: m.Receives.PurchaseOrder, PurchaseOrderInvoice: m.Receives.PurchaseOrderInvoice,
		})
	}
	for _, tag := range in.Tags {
		d.Tags = append(d.Tags, tag.Int())
	}
	d.New, d.Want, d.Limbo = false, nil, nil
}

// contact rebuilds the contact.
func (d *contactDoc) contact() (*contact.Contact, error) {
	id, err := numberOf(d.N, contact.IDOf)
	if err != nil {
		return nil, err
	}
	s := contact.Snapshot{
		Tenant: tenant.IDFromBytes(sixteen(d.T)), ID: id, Avatar: d.Avatar.avatar(), HasLogin: d.Login != nil,
		Created: timeOf(d.Created), Updated: timeOf(d.Updated), Version: d.Version,
		Details: contact.Details{
			FirstName: d.First, LastName: d.Last, Email: d.address(), Phone: d.Phone, Phone2: d.Phone2,
			Scopes: mapOf[scope.Name](d.Scopes), ExternalRef: d.Ref,
		},
	}
	for _, m := range d.Members {
		c, err := numberOf(m.Company, company.IDOf)
		if err != nil {
			return nil, err
		}
		s.Details.Companies = append(s.Details.Companies, contact.Membership{Company: c, Primary: m.Primary, Receives: contact.Receives{
			Quotation: m.Quotation, PurchaseOrder: m.PurchaseOrder, PurchaseOrderInvoice: m.PurchaseOrderInvoice,
		}})
	}
	for _, n := range d.Tags {
		tag, err := numberOf(n, contact.TagIDOf)
		if err != nil {
			return nil, err
		}
		s.Details.Tags = append(s.Details.Tags, tag)
	}
	return contact.Restore(s), nil
}

func (d *contactDoc) address() email.Address { return email.Restore(d.Email, email.Key(d.EmailID)) }

func toLogin(u *user.User) *loginDoc {
	s := u.Snapshot()
	d := &loginDoc{
		ID: uuid(s.ID.Bytes()), Hash: s.Hash.Reveal(), Temporary: s.Temporary, Enabled: s.Enabled, Epoch: s.Epoch,
		Created: moment(s.Created), Updated: moment(s.Updated), Version: s.Version,
	}
	for _, r := range s.Roles {
		d.Roles = append(d.Roles, string(r))
	}
	return d
}

// user rebuilds the login of a document that has one.
func (d *contactDoc) user() (*user.User, error) {
	id, err := numberOf(d.N, contact.IDOf)
	if err != nil || d.Login == nil {
		return nil, fmt.Errorf("%w: no login: %w", errStored, err)
	}
	l := d.Login
	s := user.Snapshot{
		Tenant: tenant.IDFromBytes(sixteen(d.T)), ID: user.IDFromBytes(sixteen(l.ID)), Contact: id, Email: d.address(),
		Hash: secret.New(l.Hash), Temporary: l.Temporary, Enabled: l.Enabled, Epoch: l.Epoch,
		Created: timeOf(l.Created), Updated: timeOf(l.Updated), Version: l.Version,
	}
	for _, r := range l.Roles {
		s.Roles = append(s.Roles, user.Role(r))
	}
	return user.Restore(s), nil
}
