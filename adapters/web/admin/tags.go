package admin

import (
	"ostiary/app/directory"
	"ostiary/domain/contact"
)

// tagState is what a tag is made from and what can be changed.
type tagState struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	Icon        string `json:"icon"`
	Color       string `json:"color"`
}

type shownTag struct {
	ID int64 `json:"id"`
	tagState
	CreatedAt string `json:"createdAt"`
	UpdatedAt string `json:"updatedAt"`
}

// tag is the one that the path names; text that is no id names none.
func (r *request) tag() contact.TagID {
	out, _ := contact.ParseTagID(r.Param("id"))
	return out
}

func (a *API) createTag(r *request) (answer, error) {
	var in tagState
	if err := r.decode(&in); err != nil {
		return answer{}, err
	}
	tag, err := a.use.Tags.Create(r.Context(), directory.CreateTagInput{Caller: r.directory(), Details: contact.TagDetails(in)})
	if err != nil {
		return answer{}, err
	}
	out, err := tagAnswer(201, tag)
	out.Location = r.path("tags", tag.ID().String())
	return out, err
}

func (a *API) listTags(r *request) (answer, error) {
	var f form
	s, err := spanOf(r, &f, contact.ParseTagID)
	if err != nil {
		return answer{}, err
	}
	if err := f.err(); err != nil {
		return answer{}, err
	}
	items, more, err := a.use.Tags.List(r.Context(), directory.ListTagsInput{Caller: r.directory(), After: s.after, Limit: s.limit})
	if err != nil {
		return answer{}, err
	}
	return listed(items, more, showTag, keyOf)
}

func (a *API) getTag(r *request) (answer, error) {
	tag, err := a.use.Tags.Get(r.Context(), directory.GetTagInput{Caller: r.directory(), ID: r.tag()})
	if err != nil {
		return answer{}, err
	}
	return tagAnswer(200, tag)
}

func (a *API) changeTag(r *request) (answer, error) {
	patch, err := r.patchOf(&tagState{})
	if err != nil {
		return answer{}, err
	}
	match, err := r.versions()
	if err != nil {
		return answer{}, err
	}
	var tag *contact.Tag
	err = match.try(func(version int64) (err error) {
		tag, err = a.use.Tags.Update(r.Context(), directory.UpdateTagInput{
			Caller: r.directory(), ID: r.tag(), IfMatch: version, Edit: editing(patch, tagStateOf, readTag),
		})
		return err
	})
	if err != nil {
		return answer{}, err
	}
	return tagAnswer(200, tag)
}

func (a *API) deleteTag(r *request) (answer, error) {
	match, err := r.versions()
	if err != nil {
		return answer{}, err
	}
	err = match.try(func(version int64) error {
		return a.use.Tags.Delete(r.Context(), directory.DeleteTagInput{Caller: r.directory(), ID: r.tag(), IfMatch: version})
	})
	if err != nil {
		return answer{}, err
	}
	return gone()
}

func tagStateOf(d contact.TagDetails) tagState { return tagState(d) }

func readTag(in tagState) (contact.TagDetails, error) { return contact.TagDetails(in), nil }

func showTag(t *contact.Tag) shownTag {
	s := t.Snapshot()
	return shownTag{ID: s.ID.Int(), tagState: tagState(s.Details), CreatedAt: shownTime(s.Created), UpdatedAt: shownTime(s.Updated)}
}

func tagAnswer(status int, t *contact.Tag) (answer, error) {
	out, err := jsonAnswer(status, showTag(t))
	out.ETag = etagOf(t.Version())
	return out, err
}
