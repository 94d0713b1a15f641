// Package avatar describes the picture of a company or contact. The bytes
// live in the blob store.
package avatar

import (
	"strings"

	"ostiary/domain/id"
)

type blob struct{}

// BlobID names stored bytes of one tenant.
type BlobID = id.UUID[blob]

// ParseBlobID reads the canonical form.
func ParseBlobID(s string) (BlobID, error) { return id.Parse[blob](s) }

// BlobIDFromBytes wraps 16 bytes.
func BlobIDFromBytes(b [16]byte) BlobID { return id.FromBytes[blob](b) }

// Avatar is a picture and its thumbnail; sizes in pixels of the picture.
// The zero value is no picture.
type Avatar struct {
	Blob      BlobID
	Thumbnail BlobID
	Width     int
	Height    int
}

// IsZero reports whether there is no picture.
func (a Avatar) IsZero() bool { return a.Blob.IsZero() }

// Blob is stored bytes with their media type.
type Blob struct {
	ID    BlobID
	Media string
	Bytes []byte
}

// FileName is what a picture is called by whoever saves it: its id and its
// kind, never a name that its sender gave.
func (b Blob) FileName() string {
	_, kind, _ := strings.Cut(b.Media, "/")
	return b.ID.String() + "." + kind
}
