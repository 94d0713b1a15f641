// Package user holds a contact's portal login: credentials, state and roles.
// How a password is hashed is an adapter's business; how often one may guess
// is package throttle's.
package user

import (
	"slices"
	"time"

	"ostiary/domain/contact"
	"ostiary/domain/email"
	"ostiary/domain/fault"
	"ostiary/domain/id"
	"ostiary/domain/secret"
	"ostiary/domain/tenant"
)

type kind struct{}

// ID names a user.
type ID = id.UUID[kind]

// ParseID reads the canonical form.
func ParseID(s string) (ID, error) { return id.Parse[kind](s) }

// IDFromBytes wraps 16 bytes.
func IDFromBytes(b [16]byte) ID { return id.FromBytes[kind](b) }

// Refusals about users. ErrBadCredentials is the one answer to every failed
// sign-in, whatever the cause (OWASP ASVS 5.0, 6.3.8).
var (
	ErrNotFound       = fault.New(fault.NotFound, "user_not_found", "That contact has no portal login.")
	ErrExists         = fault.New(fault.Conflict, "user_exists", "That contact already has a portal login.")
	ErrBadCredentials = fault.New(fault.Unauthenticated, "unauthenticated", "The credentials are missing, wrong or no longer valid.")
	ErrChangeRequired = fault.New(fault.Forbidden, "password_change_required", "The password is temporary and must be changed first.")
	ErrRole           = fault.New(fault.Invalid, "role_unknown", "That role does not exist.")
	ErrRoleHolder     = fault.New(fault.Forbidden, "role_holder", "Only the operator and administrators may do that to a user who holds a role.").
				Traced(fault.Step{Name: "permission", Outcome: "target holds a role"})
)

// Role is a right of a user beyond the portals.
type Role string

// Admin may do everything in its own tenant that is not the operator's.
const Admin Role = "admin"

// ParseRole accepts the roles there are.
func ParseRole(s string) (Role, error) {
	if Role(s) != Admin {
		return "", ErrRole
	}
	return Admin, nil
}

// Snapshot is a user laid open for storage. Email is the contact's, filled in
// by the store: it has one home.
type Snapshot struct {
	Tenant    tenant.ID
	ID        ID
	Contact   contact.ID
	Email     email.Address
	Hash      secret.Text // PHC string, zero: no password yet
	Temporary bool
	Enabled   bool
	Roles     []Role
	Epoch     int64
	Created   time.Time
	Updated   time.Time
	Version   int64
}

// User is a contact's portal login.
type User struct{ s Snapshot }

// New makes an enabled user without a password.
func New(t tenant.ID, uid ID, c contact.ID, now time.Time) *User {
	return &User{s: Snapshot{Tenant: t, ID: uid, Contact: c, Enabled: true, Epoch: 1, Created: now, Updated: now, Version: 1}}
}

// Restore rebuilds a stored user.
func Restore(s Snapshot) *User { return &User{s: s} }

// Snapshot lays the user open for storage.
func (u *User) Snapshot() Snapshot { return u.s }

// SetPassword stores a new hash and ends every session: those of an older
// epoch are no longer valid.
func (u *User) SetPassword(hash secret.Text, temporary bool, now time.Time) {
	u.s.Hash, u.s.Temporary = hash, temporary
	u.s.Epoch++
	u.touch(now)
}

// Rehash replaces the hash of the same password by a stronger one.
func (u *User) Rehash(hash secret.Text, now time.Time) {
	u.s.Hash = hash
	u.touch(now)
}

// SignOut ends every session of the user.
func (u *User) SignOut(now time.Time) {
	u.s.Epoch++
	u.touch(now)
}

// Enable switches the login on or off; switching off ends every session.
func (u *User) Enable(on bool, now time.Time) {
	if u.s.Enabled && !on {
		u.s.Epoch++
	}
	u.s.Enabled = on
	u.touch(now)
}

// SetRoles replaces the roles.
func (u *User) SetRoles(roles []Role, now time.Time) {
	u.s.Roles = slices.Clone(roles)
	slices.Sort(u.s.Roles)
	u.s.Roles = slices.Compact(u.s.Roles)
	u.touch(now)
}

func (u *User) touch(now time.Time) {
	u.s.Updated = now
	u.s.Version++
}

// Tenant returns the owner.
func (u *User) Tenant() tenant.ID { return u.s.Tenant }

// ID returns the user's id.
func (u *User) ID() ID { return u.s.ID }

// Contact returns whose login this is.
func (u *User) Contact() contact.ID { return u.s.Contact }

// Email returns the address on record.
func (u *User) Email() email.Address { return u.s.Email }

// Hash returns the stored password hash, zero when there is none.
func (u *User) Hash() secret.Text { return u.s.Hash }

// Temporary reports whether the password must be changed before use.
func (u *User) Temporary() bool { return u.s.Temporary }

// Enabled reports whether the login is on.
func (u *User) Enabled() bool { return u.s.Enabled }

// Roles returns the roles, sorted.
func (u *User) Roles() []Role { return u.s.Roles }

// HoldsRole reports whether the user has any role.
func (u *User) HoldsRole() bool { return len(u.s.Roles) > 0 }

// Epoch is the credential epoch; a session is valid only while it has the same.
func (u *User) Epoch() int64 { return u.s.Epoch }

// Version rises with every change.
func (u *User) Version() int64 { return u.s.Version }
