package admin

import (
	"ostiary/app/operation"
	"ostiary/domain/actor"
	"ostiary/domain/apitoken"
)

type shownToken struct {
	Name        string             `json:"name"`
	Permissions []actor.Permission `json:"permissions"`
	CreatedAt   string             `json:"createdAt"`
	CreatedBy   string             `json:"createdBy"`
	ExpiresAt   *string            `json:"expiresAt"`
}

type listedToken struct {
	ID string `json:"id"`
	shownToken
}

// madeToken is the one answer that holds the token itself.
type madeToken struct {
	ID    string `json:"id"`
	Token string `json:"token"`
	shownToken
}

// token is the one that the path names; text that is no id names none.
func (r *request) token() apitoken.ID {
	out, _ := apitoken.ParseID(r.Param("id"))
	return out
}

func (a *API) createToken(r *request) (answer, error) {
	var in struct {
		Name        string   `json:"name"`
		Permissions []string `json:"permissions"`
		ExpiresAt   *string  `json:"expiresAt"`
	}
	if err := r.decode(&in); err != nil {
		return answer{}, err
	}
	var f form
	input := operation.CreateTokenInput{Caller: r.operation(), Name: in.Name, Expires: f.time("/expiresAt", in.ExpiresAt)}
	for i, s := range in.Permissions {
		p, err := actor.ParsePermission(s)
		f.refuse(at("permissions", i), err)
		input.Permissions = append(input.Permissions, p)
	}
	if err := f.err(); err != nil {
		return answer{}, err
	}
	t, shown, err := a.use.Tokens.Create(r.Context(), input)
	if err != nil {
		return answer{}, err
	}
	id := t.Snapshot().ID.String()
	out, err := jsonAnswer(201, madeToken{ID: id, Token: shown.Reveal(), shownToken: showToken(t)})
	out.Location = r.path("api-tokens", id)
	return out, err
}

func (a *API) listTokens(r *request) (answer, error) {
	var f form
	s, err := spanOf(r, &f, apitoken.ParseID)
	if err != nil {
		return answer{}, err
	}
	if err := f.err(); err != nil {
		return answer{}, err
	}
	items, more, err := a.use.Tokens.List(r.Context(), operation.ListTokensInput{Caller: r.operation(), After: s.after, Limit: s.limit})
	if err != nil {
		return answer{}, err
	}
	show := func(t *apitoken.Token) listedToken {
		return listedToken{ID: t.Snapshot().ID.String(), shownToken: showToken(t)}
	}
	return listed(items, more, show, func(t *apitoken.Token) string { return t.Snapshot().ID.String() })
}

func (a *API) revokeToken(r *request) (answer, error) {
	if err := a.use.Tokens.Revoke(r.Context(), operation.RevokeTokenInput{Caller: r.operation(), ID: r.token()}); err != nil {
		return answer{}, err
	}
	return gone()
}

func showToken(t *apitoken.Token) shownToken {
	s := t.Snapshot()
	return shownToken{
		Name: s.Name, Permissions: s.Permissions, CreatedAt: shownTime(s.Created), CreatedBy: s.CreatedBy, ExpiresAt: maybeTime(s.Expires),
	}
}
