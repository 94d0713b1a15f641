package attack_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/test/program"
)

const (
	// tries is how many failures in a row a user has where guarded.
	tries = 3
	// firstDelay is how long a user must wait after the last of them.
	firstDelay = 30 * time.Second
	wrong      = "Not-The-Password-1"
)

// guarded limits what is tried on one user and mailed to one. Everything comes
// from one address here, which therefore may do as it likes.
var guarded = slices.Concat(program.Cheap, []string{
	"OSTIARY_LIMITS=login-user=3/15m,login-address=1000000/24h,login-tenant=1000000/24h,link-user=2/24h,link-address=100000/24h",
})

// whileDelayed runs attempt, which lets a user fail as often as is allowed and
// reports whether what comes then is refused. A machine on which that takes
// longer than the delay has shown nothing, and tries again.
func whileDelayed(t testing.TB, attempt func() (refused bool)) {
	t.Helper()
	for {
		began := time.Now()
		if attempt() {
			return
		}
		require.Greater(t, time.Since(began), firstDelay, "who failed too often is let in")
	}
}

// fail lets a login fail as often as a guarded user may.
func fail(d *program.Deployment, r program.Request) {
	d.T.Helper()
	for range tries {
		d.Must(http.StatusUnauthorized, r)
	}
}

// contact makes somebody at a company of a tenant and returns the id.
func contact(d *program.Deployment, code, company, mail string) string {
	d.T.Helper()
	return d.Must(http.StatusCreated, program.Operator("POST", "/tenants/"+code+"/contacts",
		fmt.Sprintf(`{"firstName":"Somebody","email":%q,"companies":[{"id":%s,"isPrimary":true}]}`, mail, company))).Number(d.T)
}

// login gives somebody a password, and with it a login.
func login(d *program.Deployment, code, id, password string) {
	d.T.Helper()
	d.Must(http.StatusOK, setByAdmin(code, id, password))
}

func setByAdmin(code, id, password string) program.Request {
	return program.Operator("PUT", "/tenants/"+code+"/contacts/"+id+"/password", fmt.Sprintf(`{"password":%q}`, password))
}

// small makes a tenant with one company and one person who has a password.
func small(d *program.Deployment, code, mail string) (id string) {
	d.T.Helper()
	d.Must(http.StatusCreated, program.Operator("POST", "/tenants", `{"code":"`+code+`","name":"Small","currency":"EUR"}`))
	d.Must(http.StatusOK, program.Operator("PUT", "/tenants/"+code+"/scopes", `{"finance":true}`))
	company := d.Must(http.StatusCreated, program.Operator("POST", "/tenants/"+code+"/companies", `{"name":"Globex"}`)).Number(d.T)
	id = contact(d, code, company, mail)
	login(d, code, id, program.FirstPassword)
	return id
}

// The people of a cast.
const (
	nobody   = "nobody@globex.example"
	invited  = "invited@globex.example"
	stranger = "stranger@globex.example"
	disabled = "disabled@globex.example"
	hasty    = "hasty@globex.example"
	foreign  = "foreign@initech.example"
	gone     = "gone@initech.example"
)

// cast is a tenant with everybody who must look like nobody, beside one in
// which somebody else has a login and a suspended one.
type cast struct {
	program.Portal
	other, suspended, unknown string // codes
}

func assemble(d *program.Deployment, code string) cast {
	d.T.Helper()
	c := cast{Portal: d.Found(code), other: code + "-other", suspended: code + "-gone", unknown: code + "-none"}
	login(d, code, c.Contact, program.FirstPassword)
	contact(d, code, c.Globex, stranger)
	d.Must(http.StatusAccepted, program.Operator("POST", "/tenants/"+code+"/contacts/"+contact(d, code, c.Globex, invited)+"/invitation", ""))
	login(d, code, contact(d, code, c.Globex, hasty), program.FirstPassword)
	off := contact(d, code, c.Globex, disabled)
	login(d, code, off, program.FirstPassword)
	d.Must(http.StatusOK, program.Operator("PATCH", "/tenants/"+code+"/contacts/"+off+"/user", `{"enabled":false}`))
	small(d, c.other, foreign)
	small(d, c.suspended, gone)
	d.Must(http.StatusOK, program.Operator("PATCH", "/tenants/"+c.suspended, `{"status":"suspended"}`))
	return c
}

// attempt is somebody who tries to sign in.
type attempt struct{ about, tenant, mail, password string }

// refusedOnes are all whom a sign-in must refuse alike, but for who must wait.
// The first is the one to compare with.
func (c cast) refusedOnes() []attempt {
	const right = program.FirstPassword
	return []attempt{
		{"wrong password", c.Code, program.Address, wrong},
		{"unknown e-mail", c.Code, nobody, right},
		{"no password set", c.Code, invited, right},
		{"contact without a login", c.Code, stranger, right},
		{"disabled", c.Code, disabled, right},
		{"login of another tenant", c.Code, foreign, right},
		{"wrong tenant", c.other, program.Address, right},
		{"unknown tenant", c.unknown, program.Address, right},
		{"suspended tenant", c.suspended, gone, right},
	}
}

// asked are all who ask for a link and must see the same.
func (c cast) asked() []attempt {
	return []attempt{
		{about: "known", tenant: c.Code, mail: program.Address},
		{about: "unknown", tenant: c.Code, mail: nobody},
		{about: "disabled", tenant: c.Code, mail: disabled},
		{about: "contact without a login", tenant: c.Code, mail: stranger},
		{about: "login of another tenant", tenant: c.Code, mail: foreign},
		{about: "unknown tenant", tenant: c.unknown, mail: program.Address},
		{about: "suspended tenant", tenant: c.suspended, mail: gone},
	}
}
