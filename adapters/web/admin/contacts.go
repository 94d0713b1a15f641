package admin

import (
	"unicode/utf8"

	"ostiary/app/directory"
	"ostiary/domain/contact"
)

// contact is the one that the path names; text that is no id names none.
func (r *request) contact() contact.ID {
	out, _ := contact.ParseID(r.Param("id"))
	return out
}

func (a *API) createContact(r *request) (answer, error) {
	var in contactState
	if err := r.decode(&in); err != nil {
		return answer{}, err
	}
	d, err := readContact(in)
	if err != nil {
		return answer{}, err
	}
	view, err := a.use.Contacts.Create(r.Context(), directory.CreateContactInput{Caller: r.directory(), Details: d})
	if err != nil {
		return answer{}, err
	}
	out, err := contactAnswer(201, view.Contact)
	out.Location = r.path("contacts", view.Contact.ID().String())
	return out, err
}

// maxPrefix is more than any name is long.
const maxPrefix = 201

func (a *API) listContacts(r *request) (answer, error) {
	var f form
	s, err := spanOf(r, &f, contact.ParseID)
	if err != nil {
		return answer{}, err
	}
	prefix, err := r.Query("q")
	if err != nil {
		return answer{}, err
	}
	f.unless(utf8.RuneCountInString(prefix) <= maxPrefix, "/q", "length", "That text is too long.")
	address, err := r.Query("email")
	if err != nil {
		return answer{}, err
	}
	query := directory.ContactQuery{Prefix: prefix, Email: f.email("/email", address).Key()}
	if err := f.err(); err != nil {
		return answer{}, err
	}
	items, more, err := a.use.Contacts.List(r.Context(), directory.ListContactsInput{
		Caller: r.directory(), Query: query, After: s.after, Limit: s.limit,
	})
	if err != nil {
		return answer{}, err
	}
	return listed(items, more, showContact, keyOf)
}

func (a *API) getContact(r *request) (answer, error) {
	view, err := a.use.Contacts.Get(r.Context(), directory.GetContactInput{Caller: r.directory(), ID: r.contact()})
	if err != nil {
		return answer{}, err
	}
	return contactAnswer(200, view.Contact)
}

func (a *API) changeContact(r *request) (answer, error) {
	patch, err := r.patchOf(&contactState{})
	if err != nil {
		return answer{}, err
	}
	match, err := r.versions()
	if err != nil {
		return answer{}, err
	}
	var view directory.ContactView
	err = match.try(func(version int64) (err error) {
		view, err = a.use.Contacts.Update(r.Context(), directory.UpdateContactInput{
			Caller: r.directory(), ID: r.contact(), IfMatch: version, Edit: editing(patch, contactStateOf, readContact),
		})
		return err
	})
	if err != nil {
		return answer{}, err
	}
	return contactAnswer(200, view.Contact)
}

func (a *API) deleteContact(r *request) (answer, error) {
	match, err := r.versions()
	if err != nil {
		return answer{}, err
	}
	err = match.try(func(version int64) error {
		return a.use.Contacts.Delete(r.Context(), directory.DeleteContactInput{Caller: r.directory(), ID: r.contact(), IfMatch: version})
	})
	if err != nil {
		return answer{}, err
	}
	return gone()
}
