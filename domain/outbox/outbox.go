// Package outbox holds mail that is still to be sent. A job carries no token:
// one is minted when the mail is made.
package outbox

import (
	"time"

	"ostiary/domain/contact"
	"ostiary/domain/id"
	"ostiary/domain/secret"
	"ostiary/domain/tenant"
)

type kind struct{}

// ID names a job.
type ID = id.UUID[kind]

// IDFromBytes wraps 16 bytes.
func IDFromBytes(b [16]byte) ID { return id.FromBytes[kind](b) }

// Kind says what mail is asked for.
type Kind string

// A link is asked for by address, an invitation for a contact.
const (
	Link       Kind = "link"
	Invitation Kind = "invitation"
)

const (
	// GiveUp is when a job that could not be delivered is dropped: the asker
	// has long asked again.
	GiveUp = 30 * time.Minute
	// GiveUpInvitation is the same for a mail that nobody waits for.
	GiveUpInvitation = 48 * time.Hour
	// Lease is how long a worker has a job to itself unless it renews: short,
	// because a job of a worker that died waits that long.
	Lease = 10 * time.Second
	// Renew is how often a worker renews the lease of a job under way.
	Renew = 3 * time.Second

	firstWait = 2 * time.Second
	lastWait  = 10 * time.Minute
)

// Job is one mail to be made and sent. For Link, Tenant and Address are as the
// asker gave them, known or not; for Invitation, Contact says who.
type Job struct {
	ID       ID
	Kind     Kind
	Tenant   string // code as given
	Address  string // as given; erased when the job is done
	Contact  contact.ID
	Binding  secret.Digest
	Origin   secret.Digest // keyed digest of the asker's network address
	Request  string        // request id, for the audit record
	Asked    time.Time
	Due      time.Time
	Attempts int
	Done     time.Time // zero: still to be sent
}

// Retry returns when to try again after a failed attempt, or false when it is
// no longer worth it. The wait doubles from 2 s to 10 min.
func (j Job) Retry(now time.Time) (time.Time, bool) {
	give := GiveUp
	if j.Kind == Invitation {
		give = GiveUpInvitation
	}
	if now.Sub(j.Asked) >= give {
		return time.Time{}, false
	}
	wait := firstWait
	for range j.Attempts - 1 {
		if wait *= 2; wait >= lastWait {
			wait = lastWait
			break
		}
	}
	return now.Add(wait), true
}

// Mail is what a mailer renders and sends. Link and Code are secrets.
type Mail struct {
	Kind    Kind
	To      string // ASCII mailbox
	Tenant  tenant.Code
	Sender  string // the tenant's display name
	Name    string // first name of the receiver
	Locale  string // BCP 47, "" for the default
	Link    secret.Text
	Code    secret.Text // zero when there is none
	Minutes int         // how long the link is good for
}
