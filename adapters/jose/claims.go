package jose

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"ostiary/domain/company"
	"ostiary/domain/contact"
	"ostiary/domain/scope"
	"ostiary/domain/session"
	"ostiary/domain/tenant"
	"ostiary/domain/user"
)

const (
	// skew lets nodes and backends disagree about the time a little.
	skew = 30 * time.Second
	// maxLife bounds what a token may claim of itself: the longest lifetime a
	// tenant can choose and a minute to spare.
	maxLife = 61 * time.Minute
	// earliest and latest bound every time in a token (2001 and 2286): outside
	// them arithmetic on times is no longer safe.
	earliest = 1_000_000_000
	latest   = 9_999_999_999
	maxText  = 500
)

var (
	errClaim    = errors.New("a claim is missing or malformed")
	errIssuer   = errors.New("iss is another issuer")
	errLifetime = errors.New("the lifetime is not acceptable")
	errEarly    = errors.New("the token is not valid yet")
	errExpired  = errors.New("the token has expired")
)

// claims are a token's payload. Members that Ostiary does not know are
// ignored, so that a later version may add some while both run.
type claims struct {
	Issuer    string   `json:"iss"`
	Audience  string   `json:"aud"`
	Subject   string   `json:"sub"`
	Session   string   `json:"sid"`
	ID        string   `json:"jti"`
	IssuedAt  int64    `json:"iat"`
	NotBefore int64    `json:"nbf"`
	Expires   int64    `json:"exp"`
	AuthTime  int64    `json:"auth_time"`
	Methods   []string `json:"amr"`
	Code      string   `json:"tenant"`
	Tenant    string   `json:"tid"`
	Company   string   `json:"company"`
	Portal    string   `json:"portal"`
	Contact   string   `json:"contact"`
	Scope     *string  `json:"scope"`
	Roles     []string `json:"roles"`
}

func fromDomain(c session.Claims) claims {
	scopes := slices.Clone(c.Scopes)
	slices.Sort(scopes)
	joined := strings.Join(scopes, " ")
	roles := make([]string, 0, len(c.Roles))
	for _, r := range c.Roles {
		roles = append(roles, string(r))
	}
	return claims{
		Issuer: c.Issuer, Audience: c.Audience, Subject: c.Subject.String(), Session: c.Session.String(), ID: c.TokenID,
		IssuedAt: c.IssuedAt.Unix(), NotBefore: c.IssuedAt.Unix(), Expires: c.Expires.Unix(), AuthTime: c.AuthTime.Unix(),
		Methods: []string{string(c.Method)}, Code: string(c.TenantCode), Tenant: c.Tenant.String(),
		Company: c.Company.String(), Portal: c.Portal.String(), Contact: c.Contact.String(), Scope: &joined, Roles: roles,
	}
}

func readClaims(payload []byte) (claims, error) {
	var c claims
	if err := json.Unmarshal(payload, &c); err != nil {
		return claims{}, errPayload
	}
	return c, nil
}

// check judges issuer and times.
func (c *claims) check(issuer string, now time.Time) error {
	if c.Issuer != issuer {
		return errIssuer
	}
	for _, t := range []int64{c.IssuedAt, c.NotBefore, c.Expires, c.AuthTime} {
		if t < earliest || t > latest {
			return errClaim
		}
	}
	iat, nbf, exp, auth := time.Unix(c.IssuedAt, 0), time.Unix(c.NotBefore, 0), time.Unix(c.Expires, 0), time.Unix(c.AuthTime, 0)
	switch {
	case !exp.After(iat), exp.Sub(iat) > maxLife:
		return errLifetime
	case iat.After(now.Add(skew)), nbf.After(now.Add(skew)), auth.After(iat.Add(skew)):
		return errEarly
	case !now.Before(exp.Add(skew)):
		return errExpired
	}
	return nil
}

// domain returns the claims in the terms of the domain: all are required.
func (c claims) domain() (session.Claims, error) {
	if c.Audience == "" || c.ID == "" || len(c.Audience) > maxText || len(c.ID) > maxText || c.Scope == nil || c.Roles == nil {
		return session.Claims{}, errClaim
	}
	out := session.Claims{
		Issuer: c.Issuer, Audience: c.Audience, TokenID: c.ID,
		IssuedAt: time.Unix(c.IssuedAt, 0).UTC(), Expires: time.Unix(c.Expires, 0).UTC(), AuthTime: time.Unix(c.AuthTime, 0).UTC(),
	}
	var bad [8]error
	out.Subject, bad[0] = user.ParseID(c.Subject)
	out.Session, bad[1] = session.ParseID(c.Session)
	out.Tenant, bad[2] = tenant.ParseID(c.Tenant)
	out.TenantCode, bad[3] = tenant.ParseCode(c.Code)
	out.Company, bad[4] = company.ParseID(c.Company)
	out.Portal, bad[5] = company.ParsePortalID(c.Portal)
	out.Contact, bad[6] = contact.ParseID(c.Contact)
	out.Method, bad[7] = method(c.Methods)
	if slices.ContainsFunc(bad[:], func(err error) bool { return err != nil }) || string(out.TenantCode) != c.Code {
		return session.Claims{}, errClaim
	}
	return c.grants(out)
}

func method(amr []string) (session.Method, error) {
	if len(amr) != 1 {
		return "", errClaim
	}
	switch m := session.Method(amr[0]); m {
	case session.ByPassword, session.ByOneTime:
		return m, nil
	default:
		return "", errClaim
	}
}

func (c claims) grants(out session.Claims) (session.Claims, error) {
	if *c.Scope != "" {
		out.Scopes = strings.Split(*c.Scope, " ")
	}
	for _, s := range out.Scopes {
		if _, err := scope.ParseName(s); err != nil {
			return session.Claims{}, errClaim
		}
	}
	for _, r := range c.Roles {
		role, err := user.ParseRole(r)
		if err != nil {
			return session.Claims{}, errClaim
		}
		out.Roles = append(out.Roles, role)
	}
	return out, nil
}
