package port

import (
	"context"

	"ostiary/domain/avatar"
	"ostiary/domain/company"
	"ostiary/domain/contact"
	"ostiary/domain/email"
	"ostiary/domain/tenant"
	"ostiary/domain/user"
)

// Numbers reserves integer ids. Ids rise within one process and are never
// given twice, also after a crash; gaps are allowed.
type Numbers interface {
	Company(ctx context.Context, t tenant.ID) (company.ID, error)
	Contact(ctx context.Context, t tenant.ID) (contact.ID, error)
	Tag(ctx context.Context, t tenant.ID) (contact.TagID, error)
}

// Companies stores companies.
type Companies interface {
	Add(ctx context.Context, c *company.Company) error

	// ByID returns company.ErrNotFound.
	ByID(ctx context.Context, t tenant.ID, id company.ID) (*company.Company, error)

	// ByIDs returns those that exist, by rising id. Unknown ids are left out.
	ByIDs(ctx context.Context, t tenant.ID, ids []company.ID) ([]*company.Company, error)

	// Update returns company.ErrNotFound.
	Update(ctx context.Context, t tenant.ID, id company.ID, change func(*company.Company) error) error

	// Delete removes the company with its documents and figures. It returns
	// company.ErrNotFound, company.ErrInUse while a contact belongs to it, or
	// ErrVersion (version 0: whatever is there).
	Delete(ctx context.Context, t tenant.ID, id company.ID, version int64) error

	// List returns companies by rising id, after the given one, at most limit.
	List(ctx context.Context, t tenant.ID, after company.ID, limit int) ([]*company.Company, error)
}

// ContactQuery selects contacts. Empty members select everything.
type ContactQuery struct {
	// Prefix is matched against first name, last name and full name,
	// case-insensitively (ASCII and simple Unicode folding by strings.ToLower).
	Prefix  string
	Email   email.Key
	Company company.ID
	// FirstName, LastName and Phone are case-insensitive prefixes; Phone is
	// matched against both numbers.
	FirstName string
	LastName  string
	Phone     string
}

// Contacts stores contacts.
type Contacts interface {
	// Add returns contact.ErrEmailTaken when the tenant has that address,
	// company.ErrNotFound or contact.ErrTagNotFound when a membership or tag
	// names what does not exist.
	Add(ctx context.Context, c *contact.Contact) error

	// ByID returns contact.ErrNotFound.
	ByID(ctx context.Context, t tenant.ID, id contact.ID) (*contact.Contact, error)

	// Update returns contact.ErrNotFound and the errors of Add. A new address
	// moves the login in the same step.
	Update(ctx context.Context, t tenant.ID, id contact.ID, change func(*contact.Contact) error) error

	// Delete removes the contact with its login, sessions and links. It
	// returns contact.ErrNotFound or ErrVersion (version 0: whatever is there).
	Delete(ctx context.Context, t tenant.ID, id contact.ID, version int64) error

	// List returns matching contacts by rising id, after the given one, at
	// most limit.
	List(ctx context.Context, t tenant.ID, q ContactQuery, after contact.ID, limit int) ([]*contact.Contact, error)

	// Page returns the offset-th to (offset+limit)-th match by rising id, and
	// how many there are in all.
	Page(ctx context.Context, t tenant.ID, q ContactQuery, offset, limit int) ([]*contact.Contact, int, error)
}

// Tags stores tags.
type Tags interface {
	Add(ctx context.Context, tag *contact.Tag) error

	// ByID returns contact.ErrTagNotFound.
	ByID(ctx context.Context, t tenant.ID, id contact.TagID) (*contact.Tag, error)

	// ByIDs returns those that exist, by rising id.
	ByIDs(ctx context.Context, t tenant.ID, ids []contact.TagID) ([]*contact.Tag, error)

	// Update returns contact.ErrTagNotFound.
	Update(ctx context.Context, t tenant.ID, id contact.TagID, change func(*contact.Tag) error) error

	// Delete takes the tag off every contact and removes it. It returns
	// contact.ErrTagNotFound or ErrVersion (version 0: whatever is there).
	Delete(ctx context.Context, t tenant.ID, id contact.TagID, version int64) error

	// List returns tags by rising id, after the given one, at most limit.
	List(ctx context.Context, t tenant.ID, after contact.TagID, limit int) ([]*contact.Tag, error)
}

// Person is a user with the contact whose login it is.
type Person struct {
	User    *user.User
	Contact *contact.Contact
}

// Users stores portal logins.
type Users interface {
	// Add returns user.ErrExists when the contact has a login,
	// contact.ErrNotFound when there is no contact, contact.ErrNeedsEmail when
	// the contact has no address.
	Add(ctx context.Context, u *user.User) error

	// ByID, ByEmail and ByContact return user.ErrNotFound. Each is one read.
	ByID(ctx context.Context, t tenant.ID, id user.ID) (Person, error)
	ByEmail(ctx context.Context, t tenant.ID, key email.Key) (Person, error)
	ByContact(ctx context.Context, t tenant.ID, id contact.ID) (Person, error)

	// Update returns user.ErrNotFound. The contact's version does not change.
	Update(ctx context.Context, t tenant.ID, id user.ID, change func(*user.User) error) error
}

// Blobs stores pictures.
type Blobs interface {
	Put(ctx context.Context, t tenant.ID, b avatar.Blob) error

	// Get reports false when the tenant has no such blob.
	Get(ctx context.Context, t tenant.ID, id avatar.BlobID) (avatar.Blob, bool, error)

	// Delete removes those that exist.
	Delete(ctx context.Context, t tenant.ID, ids ...avatar.BlobID) error
}

// Imager makes pictures safe to serve: decoded, re-encoded without metadata.
type Imager interface {
	// Prepare returns the picture and a thumbnail of at most 256 pixels a
	// side, with width and height of the picture. It returns ErrImage for what
	// is no PNG, JPEG or WebP, or has more than 40 megapixels by its header.
	Prepare(ctx context.Context, raw []byte) (Picture, error)
}

// Picture is what an Imager makes.
type Picture struct {
	Media          string
	Full           []byte
	ThumbnailMedia string
	Thumbnail      []byte
	Width, Height  int
}
