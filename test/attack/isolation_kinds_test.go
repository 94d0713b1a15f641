package attack_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/test/program"
)

func (s *intrusion) login(tenant, mail string) program.Granted {
	s.d.T.Helper()
	return program.TokensOf(s.d.T, s.d.Must(200, program.LoginAs(tenant, mail, program.FirstPassword)))
}

func bearing(path string) func(string) program.Request {
	return func(token string) program.Request { return program.Request{Method: "GET", Path: path, Bearer: token} }
}

func (s *intrusion) user(name, tenant, mail string) credentialKind {
	return credentialKind{
		name: name, tenant: tenant, ends: endsSession, proof: bearing("/api/v1/portal/me"),
		mint: func() string { return s.login(tenant, mail).Access },
	}
}

// restricted is a token that is good for changing the password alone.
func (s *intrusion) restricted(mail string) credentialKind {
	return credentialKind{
		name: "token for changing the password", tenant: s.attacker,
		mint: func() string {
			return s.d.Must(403, program.LoginAs(s.attacker, mail, program.FirstPassword)).Text(s.d.T, "accessToken")
		},
	}
}

func (s *intrusion) ended() credentialKind {
	return credentialKind{
		name: "access token of an ended session", tenant: s.attacker,
		mint: func() string {
			g := s.login(s.attacker, program.Address)
			s.d.Must(204, program.Request{Method: "POST", Path: "/api/v1/portal/auth/logout", Bearer: g.Access})
			s.until(401, program.Visit("/me", g))
			return g.Access
		},
	}
}

// api mints an API token with every permission, that is good, revoked or, when
// rest has room for a time, past its end.
func (s *intrusion) api(name, rest string, revoked bool) credentialKind {
	k := credentialKind{name: name, tenant: s.attacker}
	at := "/tenants/" + s.attacker
	expires := len(rest) > 1
	if !expires && !revoked {
		k.proof = bearing("/admin/v1" + at)
	}
	k.mint = func() string {
		end := rest
		if expires {
			end = fmt.Sprintf(rest, time.Now().UTC().Add(2*time.Second).Format(time.RFC3339))
		}
		made := s.admin(201, "POST", at+"/api-tokens", `{"name":"walk","permissions":[`+everyPermission+end+`}`)
		token := made.Text(s.d.T, "token")
		if revoked {
			s.admin(204, "DELETE", at+"/api-tokens/"+made.Text(s.d.T, "id"), "")
		}
		if revoked || expires {
			s.until(401, bearing("/admin/v1"+at)(token))
		}
		return token
	}
	return k
}

func (s *intrusion) refresh(name, tenant, mail string) credentialKind {
	return credentialKind{
		name: name, tenant: tenant, ends: endsSession, proof: program.Refresh,
		mint: func() string { return s.login(tenant, mail).Refresh },
	}
}

// spent is a refresh token whose successor has been used.
func (s *intrusion) spent() credentialKind {
	return credentialKind{
		name: "spent refresh token of another tenant", tenant: s.attacker,
		mint: func() string {
			first := s.login(s.attacker, program.Address).Refresh
			next := s.d.Must(200, program.Refresh(first)).Text(s.d.T, "refreshToken")
			s.d.Must(200, program.Refresh(next))
			s.d.Must(401, program.Refresh(first))
			return first
		},
	}
}

func (s *intrusion) linked() credentialKind {
	asked := 0
	return credentialKind{
		name: "link token of another tenant", tenant: s.attacker, ends: endsLink, proof: program.Validate,
		mint: func() string {
			asked++
			s.d.Must(200, program.AskForLink(s.attacker, program.Address))
			return s.d.LettersOf(s.attacker, asked)[asked-1].Token
		},
	}
}

func readReply(t testing.TB, r program.Reply, into any) {
	t.Helper()
	require.NoError(t, json.Unmarshal(r.Body, into), "%s", r.Body)
}
