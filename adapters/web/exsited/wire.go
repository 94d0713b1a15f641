package exsited

import (
	"strconv"

	"ostiary/app/signin"
)

type account struct {
	User user `json:"user"`
}

type user struct {
	Type              string   `json:"type"`
	Name              string   `json:"name"`
	EmailAddress      string   `json:"email_address"`
	ImageURI          string   `json:"image_uri"`
	GrantAccessPortal string   `json:"grant_access_portal"` // the word, not the value
	Portals           []portal `json:"portals"`
}

type portal struct {
	Account     string `json:"account"`
	DisplayName string `json:"display_name"`
	UUID        string `json:"uuid"`
}

func (a *API) userOf(o signin.Outcome) user {
	out := user{
		Type: "ACCOUNT", Name: o.Person.Contact.FullName(), EmailAddress: o.Person.User.Email().String(),
		ImageURI:          a.Profile.ImageURL(o.Tenant.ID(), o.Person.Contact.Avatar()),
		GrantAccessPortal: strconv.FormatBool(len(o.Entries) > 0), Portals: make([]portal, 0, len(o.Entries)),
	}
	for _, e := range o.Entries {
		out.Portals = append(out.Portals, portal{
			Account: e.Company.ID().String(), DisplayName: e.Portal.DisplayName, UUID: e.Portal.ID.String(),
		})
	}
	return out
}

type message struct {
	Message string `json:"message"`
}

type refusal struct {
	Errors []refused `json:"errors"`
}

type refused struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}
