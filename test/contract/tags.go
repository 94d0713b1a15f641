package contract

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/app/port"
	"ostiary/domain/contact"
	"ostiary/test/fake"
)

// Tags checks any port.Tags.
func Tags(t *testing.T, open Open) {
	checks{
		"Add/KeepsEveryMember":         tagsKeepEveryMember,
		"Add/NeverReplaces":            tagsAddNeverReplaces,
		"ByID/HidesOtherTenants":       tagsByIDHides,
		"ByIDs/LeavesOutUnknownOnes":   tagsByIDs,
		"Update/KeepsPromises":         tagsUpdate,
		"Update/KeepsEveryMember":      tagsUpdateEveryMember,
		"Update/HidesOtherTenants":     tagsUpdateHides,
		"Delete/ComparesVersions":      tagsDeleteComparesVersions,
		"Delete/HidesOtherTenants":     tagsDeleteHides,
		"Delete/TakesItOffContacts":    tagsDeleteTakesOff,
		"Delete/OneOfManyWins":         tagsDeleteOneWins,
		"Delete/NeverLeavesADeadTagOn": tagsDeleteLeavesNone,
		"List/RisesInPages":            tagsList,
	}.together(t, open)
}

func fullTag(t testing.TB, h home, n int64) *contact.Tag {
	t.Helper()
	tag, err := contact.NewTag(h.id, tagID(t, n), contact.TagDetails{
		Name: word, Description: word + "long", Icon: "🏷", Color: "#ff0099",
	}, moment)
	require.NoError(t, err)
	s := tag.Snapshot()
	s.Updated, s.Version = after(time.Millisecond), 1<<40
	return contact.RestoreTag(s)
}

func tagsKeepEveryMember(t *testing.T, s Store) {
	h := settle(t, s)
	for _, want := range []*contact.Tag{fullTag(t, h, 1<<53-1), newTag(t, h.id, 2)} {
		require.NoError(t, s.Tags.Add(t.Context(), want))
		got, err := s.Tags.ByID(t.Context(), h.id, want.ID())
		require.NoError(t, err)
		same(t, want.Snapshot(), got.Snapshot())
	}
}

func tagsAddNeverReplaces(t *testing.T, s Store) {
	h := settle(t, s)
	tag := h.addTag(t, 1)
	rivals := make([]*contact.Tag, crowd)
	for i := range rivals {
		rivals[i] = newTag(t, h.id, 1)
	}

	for _, err := range crowded(crowd, func(i int) error { return s.Tags.Add(t.Context(), rivals[i]) }) {
		require.Error(t, err)
	}

	got, err := s.Tags.ByID(t.Context(), h.id, tag.ID())
	require.NoError(t, err)
	same(t, tag.Snapshot(), got.Snapshot())
}

func tagsByIDHides(t *testing.T, s Store) {
	ours, theirs := neighbours(t, s)
	shared, only := ours.addTag(t, 1), ours.addTag(t, 2)
	twin := theirs.addTag(t, 1)

	_, err := s.Tags.ByID(t.Context(), theirs.id, only.ID())
	require.ErrorIs(t, err, contact.ErrTagNotFound)
	got, err := s.Tags.ByID(t.Context(), theirs.id, shared.ID())
	require.NoError(t, err)
	same(t, twin.Snapshot(), got.Snapshot())
}

func tagsByIDs(t *testing.T, s Store) {
	ours, theirs := neighbours(t, s)
	two, nine := ours.addTag(t, 2), ours.addTag(t, 9)
	only := theirs.addTag(t, 5)

	got, err := s.Tags.ByIDs(t.Context(), ours.id, []contact.TagID{nine.ID(), only.ID(), tagID(t, 77), two.ID()})

	require.NoError(t, err)
	require.Len(t, got, 2)
	same(t, two.Snapshot(), got[0].Snapshot())
	same(t, nine.Snapshot(), got[1].Snapshot())
	got, err = s.Tags.ByIDs(t.Context(), ours.id, nil)
	require.NoError(t, err)
	require.Empty(t, got)
}

func updatedTag(t testing.TB, h home, id contact.TagID) updated[*contact.Tag] {
	count := func(tag *contact.Tag) int64 {
		n, _ := strconv.ParseInt(tag.Details().Color, 10, 64)
		return n
	}
	return updated[*contact.Tag]{
		update: func(change func(*contact.Tag) error) error { return h.Tags.Update(t.Context(), h.id, id, change) },
		load: func() *contact.Tag {
			tag, err := h.Tags.ByID(t.Context(), h.id, id)
			require.NoError(t, err)
			return tag
		},
		version: (*contact.Tag).Version,
		bump: func(tag *contact.Tag) error {
			d := tag.Details()
			d.Color = strconv.FormatInt(count(tag)+1, 10)
			return tag.Change(d, after(time.Hour))
		},
		count: count,
		open:  func(tag *contact.Tag) any { return tag.Snapshot() },
	}
}

func tagsUpdate(t *testing.T, s Store) {
	h := settle(t, s)
	updatedTag(t, h, h.addTag(t, 1).ID()).keepsPromises(t)
}

func tagsUpdateHides(t *testing.T, s Store) {
	ours, theirs := neighbours(t, s)
	ours.addTag(t, 1)
	twin, only := theirs.addTag(t, 1), theirs.addTag(t, 2)
	isHidden(t, contact.ErrTagNotFound, func(change func(*contact.Tag) error) error {
		return s.Tags.Update(t.Context(), ours.id, only.ID(), change)
	})

	bumped := updatedTag(t, ours, twin.ID())
	require.NoError(t, bumped.update(bumped.bump))

	got, err := s.Tags.ByID(t.Context(), theirs.id, twin.ID())
	require.NoError(t, err)
	same(t, twin.Snapshot(), got.Snapshot())
}

func tagsDeleteComparesVersions(t *testing.T, s Store) {
	h := settle(t, s)
	tag, other := h.addTag(t, 1), h.addTag(t, 2)

	require.ErrorIs(t, s.Tags.Delete(t.Context(), h.id, tag.ID(), tag.Version()+1), port.ErrVersion)
	_, err := s.Tags.ByID(t.Context(), h.id, tag.ID())
	require.NoError(t, err)

	require.NoError(t, s.Tags.Delete(t.Context(), h.id, tag.ID(), tag.Version()))
	require.NoError(t, s.Tags.Delete(t.Context(), h.id, other.ID(), 0))
	for _, gone := range []contact.TagID{tag.ID(), other.ID()} {
		_, err := s.Tags.ByID(t.Context(), h.id, gone)
		require.ErrorIs(t, err, contact.ErrTagNotFound)
		require.ErrorIs(t, s.Tags.Delete(t.Context(), h.id, gone, 1), contact.ErrTagNotFound)
	}
}

// tagged adds contact n with tags.
func (h home) tagged(t testing.TB, n int64, tags ...contact.TagID) *contact.Contact {
	t.Helper()
	c := fake.Contact(t, h.co, n, "")
	d := c.Details()
	d.Tags = tags
	require.NoError(t, c.Change(d, moment))
	require.NoError(t, h.Contacts.Add(t.Context(), c))
	return c
}

func (h home) tagsOf(t testing.TB, c *contact.Contact) []contact.TagID {
	t.Helper()
	got, err := h.Contacts.ByID(t.Context(), h.id, c.ID())
	require.NoError(t, err)
	return got.Details().Tags
}

func tagsDeleteHides(t *testing.T, s Store) {
	ours, theirs := neighbours(t, s)
	tag := ours.addTag(t, 1)
	twin, only := theirs.addTag(t, 1), theirs.addTag(t, 2)
	c := theirs.tagged(t, 1, twin.ID(), only.ID())

	require.ErrorIs(t, s.Tags.Delete(t.Context(), ours.id, only.ID(), 0), contact.ErrTagNotFound)
	require.NoError(t, s.Tags.Delete(t.Context(), ours.id, tag.ID(), 0))

	require.Equal(t, []contact.TagID{twin.ID(), only.ID()}, theirs.tagsOf(t, c))
	_, err := s.Tags.ByID(t.Context(), theirs.id, twin.ID())
	require.NoError(t, err)
}

func tagsDeleteTakesOff(t *testing.T, s Store) {
	h := settle(t, s)
	tag, other := h.addTag(t, 1), h.addTag(t, 2)
	both, one := h.tagged(t, 1, tag.ID(), other.ID()), h.tagged(t, 2, tag.ID())

	require.ErrorIs(t, s.Tags.Delete(t.Context(), h.id, tag.ID(), 99), port.ErrVersion)
	require.Equal(t, []contact.TagID{tag.ID()}, h.tagsOf(t, one), "a refused Delete takes nothing off")
	require.NoError(t, s.Tags.Delete(t.Context(), h.id, tag.ID(), tag.Version()))

	require.Equal(t, []contact.TagID{other.ID()}, h.tagsOf(t, both))
	require.Empty(t, h.tagsOf(t, one))
}

func tagsDeleteOneWins(t *testing.T, s Store) {
	h := settle(t, s)
	tag := h.addTag(t, 1)
	oneWins(t, crowded(crowd, func(int) error { return s.Tags.Delete(t.Context(), h.id, tag.ID(), 0) }), contact.ErrTagNotFound)
}

// tagsDeleteLeavesNone races Delete with a contact that puts the tag on.
func tagsDeleteLeavesNone(t *testing.T, s Store) {
	h := settle(t, s)
	for n := int64(1); n < 20; n++ {
		tag, c := h.addTag(t, n), h.tagged(t, n)

		errs := crowded(2, func(i int) error {
			if i == 0 {
				return s.Tags.Delete(t.Context(), h.id, tag.ID(), 0)
			}
			return s.Contacts.Update(t.Context(), h.id, c.ID(), func(c *contact.Contact) error {
				d := c.Details()
				d.Tags = []contact.TagID{tag.ID()}
				return c.Change(d, moment)
			})
		})

		require.NoError(t, errs[0])
		if errs[1] != nil {
			require.ErrorIs(t, errs[1], contact.ErrTagNotFound)
		}
		require.Empty(t, h.tagsOf(t, c))
	}
}

func tagsList(t *testing.T, s Store) {
	ours, theirs := neighbours(t, s)
	for _, n := range []int64{30, 4, 100, 20, 3} {
		ours.addTag(t, n)
	}
	theirs.addTag(t, 5)
	list := func(owner home, afterID contact.TagID, limit int) (out []int64) {
		got, err := s.Tags.List(t.Context(), owner.id, afterID, limit)
		require.NoError(t, err)
		for _, tag := range got {
			out = append(out, tag.ID().Int())
		}
		return out
	}

	require.Equal(t, []int64{3, 4, 20, 30, 100}, list(ours, contact.TagID{}, 50))
	require.Equal(t, []int64{3, 4}, list(ours, contact.TagID{}, 2))
	require.Equal(t, []int64{20, 30}, list(ours, tagID(t, 4), 2))
	require.Equal(t, []int64{20, 30, 100}, list(ours, tagID(t, 5), 50))
	require.Empty(t, list(ours, tagID(t, 100), 50))
	require.Equal(t, []int64{5}, list(theirs, contact.TagID{}, 50))
}

func tagsUpdateEveryMember(t *testing.T, s Store) {
	h := settle(t, s)
	bare := h.addTag(t, 1).Snapshot()
	for _, want := range []contact.TagSnapshot{fullTag(t, h, 1).Snapshot(), bare} {
		updatedTag(t, h, bare.ID).becomes(t, want, func(tag *contact.Tag) { *tag = *contact.RestoreTag(want) })
	}
}
