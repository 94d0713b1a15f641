package admin

import (
	"encoding/json"

	"ostiary/adapters/web"
	"ostiary/app/credential"
	"ostiary/domain/actor"
	"ostiary/domain/secret"
	"ostiary/domain/user"
)

type shownUser struct {
	ID                string      `json:"id"`
	Enabled           bool        `json:"enabled"`
	Roles             []user.Role `json:"roles"`
	HasPassword       bool        `json:"hasPassword"`
	TemporaryPassword bool        `json:"temporaryPassword"`
}

func (a *API) getUser(r *request) (answer, error) {
	u, err := a.use.Logins.User(r.Context(), r.target(actor.ContactsRead))
	if err != nil {
		return answer{}, err
	}
	return userAnswer(200, u)
}

func (a *API) changeUser(r *request) (answer, error) {
	var sent struct {
		Enabled json.RawMessage `json:"enabled"`
		Roles   json.RawMessage `json:"roles"`
	}
	var in struct {
		Enabled *bool     `json:"enabled"`
		Roles   *[]string `json:"roles"`
	}
	patch, err := r.patchOf(&in)
	if err != nil {
		return answer{}, err
	}
	if err := web.Unmarshal(patch, &sent, web.Strict); err != nil {
		return answer{}, err
	}
	var f form
	if isNull(sent.Enabled) {
		f.refuse("/enabled", web.ErrWrongType)
	}
	change := credential.UserInput{Target: r.target(actor.UsersWrite), Enabled: in.Enabled, Roles: rolesOf(&f, in.Roles)}
	if isNull(sent.Roles) {
		change.Roles = []user.Role{}
	}
	if err := f.err(); err != nil {
		return answer{}, err
	}
	match, err := r.versions()
	if err != nil {
		return answer{}, err
	}
	var u *user.User
	err = match.try(func(version int64) (err error) {
		change.IfMatch = version
		u, err = a.use.Logins.Change(r.Context(), change)
		return err
	})
	if err != nil {
		return answer{}, err
	}
	return userAnswer(200, u)
}

// rolesOf keeps the difference between no roles and nothing said about them.
func rolesOf(f *form, sent *[]string) []user.Role {
	if sent == nil {
		return nil
	}
	out := make([]user.Role, 0, len(*sent))
	for i, s := range *sent {
		role, err := user.ParseRole(s)
		f.refuse(at("roles", i), err)
		out = append(out, role)
	}
	return out
}

func (a *API) putPassword(r *request) (answer, error) {
	var in struct {
		Password secret.Text `json:"password"`
	}
	if err := r.decode(&in); err != nil {
		return answer{}, err
	}
	match, err := r.versions()
	if err != nil {
		return answer{}, err
	}
	target := r.target(actor.UsersWrite)
	err = match.try(func(version int64) error {
		return a.use.Logins.Set(r.Context(), credential.SetInput{Target: target, Password: in.Password, IfMatch: version})
	})
	if err != nil {
		return answer{}, err
	}
	return a.present(r, 200)
}

func (a *API) inviteContact(r *request) (answer, error) {
	if err := r.nothing(); err != nil {
		return answer{}, err
	}
	if err := a.use.Logins.Invite(r.Context(), r.target(actor.UsersWrite)); err != nil {
		return answer{}, err
	}
	return a.present(r, 202)
}

func (a *API) endSessions(r *request) (answer, error) {
	if err := a.use.Logins.SignOut(r.Context(), r.target(actor.UsersWrite)); err != nil {
		return answer{}, err
	}
	return gone()
}

// present shows the login to who was allowed to change it.
func (a *API) present(r *request, status int) (answer, error) {
	u, err := a.use.Logins.User(r.Context(), r.target(actor.UsersWrite))
	if err != nil {
		return answer{}, err
	}
	return userAnswer(status, u)
}

func userAnswer(status int, u *user.User) (answer, error) {
	roles := append([]user.Role{}, u.Roles()...)
	out, err := jsonAnswer(status, shownUser{
		ID: u.ID().String(), Enabled: u.Enabled(), Roles: roles, HasPassword: !u.Hash().IsZero(), TemporaryPassword: u.Temporary(),
	})
	out.ETag = etagOf(u.Version())
	return out, err
}
