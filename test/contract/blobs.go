package contract

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/domain/avatar"
	"ostiary/test/fake"
)

// Blobs checks any port.Blobs.
func Blobs(t *testing.T, open Open) {
	checks{
		"Put/KeepsBytesAndMedia":   blobsKeep,
		"Put/SideBySide":           blobsPutSideBySide,
		"Get/HidesOtherTenants":    blobsGetHides,
		"Delete/RemovesThoseThere": blobsDelete,
		"Delete/HidesOtherTenants": blobsDeleteHides,
	}.together(t, open)
}

func newBlob(size int) avatar.Blob {
	b := avatar.Blob{ID: avatar.BlobIDFromBytes(fake.UUID()), Media: "image/webp", Bytes: make([]byte, size)}
	fake.Random{}.Fill(b.Bytes)
	return b
}

// sameBlob compares the bytes at once: member by member takes minutes.
func sameBlob(t testing.TB, want, got avatar.Blob) {
	t.Helper()
	require.True(t, bytes.Equal(want.Bytes, got.Bytes), "the bytes differ")
	want.Bytes, got.Bytes = nil, nil
	same(t, want, got)
}

func (h home) putBlob(t testing.TB) avatar.Blob {
	t.Helper()
	b := newBlob(100)
	require.NoError(t, h.Blobs.Put(t.Context(), h.id, b))
	return b
}

func (h home) hasBlob(t testing.TB, id avatar.BlobID) bool {
	t.Helper()
	got, found, err := h.Blobs.Get(t.Context(), h.id, id)
	require.NoError(t, err)
	if !found {
		require.Zero(t, got)
	}
	return found
}

// blobsKeep goes up to the largest picture that is accepted.
func blobsKeep(t *testing.T, s Store) {
	h := settle(t, s)
	for _, size := range []int{0, 1, 300_000, 5 << 20} {
		want := newBlob(size)
		require.NoError(t, s.Blobs.Put(t.Context(), h.id, want))

		got, found, err := s.Blobs.Get(t.Context(), h.id, want.ID)

		require.NoError(t, err)
		require.True(t, found)
		sameBlob(t, want, got)
	}
	require.False(t, h.hasBlob(t, avatar.BlobIDFromBytes(fake.UUID())))
	require.False(t, h.hasBlob(t, avatar.BlobID{}))
}

func blobsPutSideBySide(t *testing.T, s Store) {
	h := settle(t, s)
	blobs := make([]avatar.Blob, crowd)
	for i := range blobs {
		blobs[i] = newBlob(1000)
	}

	allWell(t, crowded(crowd, func(i int) error { return s.Blobs.Put(t.Context(), h.id, blobs[i]) }))

	for _, want := range blobs {
		got, found, err := s.Blobs.Get(t.Context(), h.id, want.ID)
		require.NoError(t, err)
		require.True(t, found)
		sameBlob(t, want, got)
	}
}

func blobsGetHides(t *testing.T, s Store) {
	ours, theirs := neighbours(t, s)
	b := ours.putBlob(t)
	require.True(t, ours.hasBlob(t, b.ID))
	require.False(t, theirs.hasBlob(t, b.ID))
}

func blobsDelete(t *testing.T, s Store) {
	h := settle(t, s)
	one, two, stays := h.putBlob(t), h.putBlob(t), h.putBlob(t)

	require.NoError(t, s.Blobs.Delete(t.Context(), h.id, one.ID, avatar.BlobIDFromBytes(fake.UUID()), two.ID))
	require.NoError(t, s.Blobs.Delete(t.Context(), h.id, one.ID), "deleting twice is no error")
	require.NoError(t, s.Blobs.Delete(t.Context(), h.id))

	require.False(t, h.hasBlob(t, one.ID))
	require.False(t, h.hasBlob(t, two.ID))
	require.True(t, h.hasBlob(t, stays.ID))
}

func blobsDeleteHides(t *testing.T, s Store) {
	ours, theirs := neighbours(t, s)
	b := ours.putBlob(t)
	require.NoError(t, s.Blobs.Delete(t.Context(), theirs.id, b.ID))
	require.True(t, ours.hasBlob(t, b.ID))
}
