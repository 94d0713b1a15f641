package luminous_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/domain/actor"
	"ostiary/domain/contact"
	"ostiary/domain/tenant"
	"ostiary/domain/user"
	"ostiary/test/harness"
)

func TestGet_IsTheContractsByteForByte(t *testing.T) {
	t.Parallel()
	k := setup(t)
	bare := k.tag(t, contact.TagDetails{Name: "buyer"})
	full := k.tag(t, contact.TagDetails{Name: "vip", Description: "Very <important>", Icon: "star", Color: "#ff0000"})
	require.Equal(t, 200, k.post(t, k.ada(), fmt.Sprintf(`{"tags":[%s,"%s"],"phone_1":"+31 20","phone_2":"+31 6"}`, full, bare)).Status)

	a := k.get(t, k.ada())

	require.Equal(t, 200, a.Status)
	require.Equal(t, "application/json", a.Header.Get("Content-Type"))
	require.Equal(t, "no-store", a.Header.Get("Cache-Control"))
	one, two := k.Acme.Example.ID(), k.Acme.Second.ID()
	require.Equal(t, fmt.Sprintf(
		`{"data":{"id":"%s","created_at":"%s","updated_at":"%s","status":"active","first_name":"Ada","last_name":"Lovelace",`+
			`"email":"Ada@example.com","phone":"+31 20","phone_2":"+31 6","full_name":"Ada Lovelace","company_id":"%s",`+
			`"company":{"id":"%s","name":"Example Ltd"},"is_primary":true,"receive_quotation_pdf":false,"receive_purchase_order_pdf":false,`+
			`"receive_purchase_order_invoice_pdf":false,"has_portal_login":true,"companies":[`+
			`{"id":%s,"name":"Example Ltd","is_primary":true,"receive_quotation_pdf":false,"receive_purchase_order_pdf":false,"receive_purchase_order_invoice_pdf":false},`+
			`{"id":%s,"name":"Second BV","is_primary":false,"receive_quotation_pdf":false,"receive_purchase_order_pdf":false,"receive_purchase_order_invoice_pdf":false}],`+
			`"tags":[{"id":%s,"name":"buyer","description":null,"icon":null,"color":null},`+
			`{"id":%s,"name":"vip","description":"Very <important>","icon":"star","color":"#ff0000"}]}}`,
		k.Acme.Ada, stamp, stamp, one, one, one, two, bare, full,
	), a.Body)
}

// lone is a contact of Example with nothing but a first name.
func (k kit) lone(id, papers string, login bool) string {
	one := k.Acme.Example.ID()
	return fmt.Sprintf(
		`{"data":{"id":"%s","created_at":"%s","updated_at":"%s","status":"active","first_name":"Eve","last_name":null,`+
			`"email":null,"phone":null,"phone_2":null,"full_name":"Eve","company_id":"%s",`+
			`"company":{"id":"%s","name":"Example Ltd"},"is_primary":true,%s,"has_portal_login":%t,"companies":[`+
			`{"id":%s,"name":"Example Ltd","is_primary":true,%s}],"tags":[]}}`,
		id, stamp, stamp, one, one, papers, login, one, papers,
	)
}

const noPapers = `"receive_quotation_pdf":false,"receive_purchase_order_pdf":false,"receive_purchase_order_invoice_pdf":false`

func TestCreate_MissingTextIsNull(t *testing.T) {
	t.Parallel()
	k := setup(t)
	for _, rest := range []string{
		`"company_id":` + k.Acme.Example.ID().String(),
		`"company_id":"` + k.Acme.Example.ID().String() + `"`,
		`"company_ids":[` + k.Acme.Example.ID().String() + `]`,
		`"company_ids":["` + k.Acme.Example.ID().String() + `"]`,
		`"company_id":` + k.Acme.Example.ID().String() + `,"last_name":null,"email":null,"phone_1":null,"phone_2":"","tags":null,"password":null,"is_primary":false`,
		`"company_id":` + k.Acme.Example.ID().String() + `,"no_such_member":{"a":[1]}`,
	} {
		a := k.post(t, "/contacts", `{"first_name":"Eve",`+rest+`}`)

		require.Equal(t, 201, a.Status, a.Body)
		id := idIn(t, a)
		require.Equal(t, k.lone(id, noPapers, false), a.Body)
		require.Equal(t, a.Body, k.get(t, k.contacts(id)).Body)
	}
}

func TestCreate_EveryMember(t *testing.T) {
	t.Parallel()
	k := setup(t)
	tag := k.tag(t, contact.TagDetails{Name: "buyer"})
	one, two := k.Acme.Example.ID(), k.Acme.Second.ID()

	a := k.post(t, "/contacts", fmt.Sprintf(
		`{"first_name":"Eve","last_name":"van Dam","email":"Eve@Example.com","phone_1":"1","phone_2":"2","company_ids":["%s",%s],"is_primary":true,`+
			`"receive_quotation_pdf":true,"receive_purchase_order_pdf":false,"receive_purchase_order_invoice_pdf":true,"tags":["%s"],"password":%q}`,
		two, one, tag, fresh,
	))

	require.Equal(t, 201, a.Status, a.Body)
	papers := `"receive_quotation_pdf":true,"receive_purchase_order_pdf":false,"receive_purchase_order_invoice_pdf":true`
	require.Equal(t, fmt.Sprintf(
		`{"data":{"id":"%s","created_at":"%s","updated_at":"%s","status":"active","first_name":"Eve","last_name":"van Dam",`+
			`"email":"Eve@Example.com","phone":"1","phone_2":"2","full_name":"Eve van Dam","company_id":"%s","company":{"id":"%s","name":"Second BV"},`+
			`"is_primary":true,%s,"has_portal_login":true,"companies":[{"id":%s,"name":"Example Ltd","is_primary":false,%s},{"id":%s,"name":"Second BV","is_primary":true,%s}],`+
			`"tags":[{"id":%s,"name":"buyer","description":null,"icon":null,"color":null}]}}`,
		idIn(t, a), stamp, stamp, two, two, papers, one, papers, two, papers, tag,
	), a.Body)
	g, err := k.signIn(t, "eve@example.com", fresh)
	require.NoError(t, err)
	k.alive(t, g)
}

func TestCreate_ValuesThatBreakARule(t *testing.T) {
	t.Parallel()
	k := setup(t)
	abroad := k.AddTenant(t, "other")
	require.NotNil(t, abroad)
	one := k.Acme.Example.ID().String()
	eve := `{"first_name":"Eve","company_id":` + one + `,`
	for _, row := range []struct{ body, want string }{
		{`{"company_id":` + one + `}`, invalid("first_name", badText)},
		{`{"first_name":null,"company_id":` + one + `}`, invalid("first_name", badText)},
		{`{"first_name":"` + strings.Repeat("x", 101) + `","company_id":` + one + `}`, invalid("first_name", badText)},
		{eve + `"last_name":"` + strings.Repeat("x", 101) + `"}`, invalid("last_name", badText)},
		{eve + `"phone_1":"` + strings.Repeat("1", 51) + `"}`, invalid("phone_1", badText)},
		{eve + `"phone_2":"` + strings.Repeat("1", 51) + `"}`, invalid("phone_2", badText)},
		{`{"first_name":"Eve"}`, invalid("company_id", "One of company_id and company_ids is required.")},
		{eve + `"company_ids":[` + one + `]}`, invalid("company_ids", "company_id and company_ids exclude each other.")},
		{`{"first_name":"Eve","company_id":null}`, invalid("company_id", "A contact belongs to at least one company.")},
		{`{"first_name":"Eve","company_ids":[]}`, invalid("company_ids", "A contact belongs to at least one company.")},
		{`{"first_name":"Eve","company_ids":[` + one + `,"` + one + `"]}`, invalid("company_ids", "A company is listed twice.")},
		{`{"first_name":"Eve","company_id":999999}`, invalid("company_id", "There is no such company.")},
		{`{"first_name":"Eve","company_ids":[999999]}`, invalid("company_ids", "There is no such company.")},
		{eve + `"tags":[999999]}`, invalid("tags", "There is no such tag.")},
		{eve + `"email":"no address"}`, invalid("email", "That is not an acceptable e-mail address.")},
		{eve + `"email":"` + strings.ToUpper(harness.AdaMail) + `"}`, `{"message":"That address is already in use.","errors":{"email":["That address is already in use."]}}`},
		{eve + `"password":"` + fresh + `"}`, `{"message":"A contact with a portal login needs an e-mail address.","errors":{"email":["A contact with a portal login needs an e-mail address."]}}`},
		{eve + `"email":"eve@example.com","password":"1234567"}`, badPassword(tooShort)},
		{eve + `"email":"eve@example.com","password":""}`, invalid("password", tooShort)},
		{eve + `"email":"eve@example.com","password":"` + strings.Repeat("x", 256) + `"}`, badPassword(tooLong)},
		{eve + `"email":"eve@example.com","password":"password1"}`, badPassword("That password is among the most common or breached ones.")},
	} {
		requireError(t, k.post(t, "/contacts", row.body), 422, row.want)
	}
	require.Contains(t, k.get(t, "/contacts").Body, `"total":3}`, "nothing was made by any of them")
}

func TestUpdate_WhatIsAbsentStaysAndNullClears(t *testing.T) {
	t.Parallel()
	k := setup(t)
	id := k.made(t, fmt.Sprintf(`{"first_name":"Eve","last_name":"X","email":"eve@example.com","phone_1":"1","phone_2":"2","company_id":%s,"receive_quotation_pdf":true}`, k.Acme.Example.ID()))
	before := k.get(t, k.contacts(id)).Body

	same := k.post(t, k.contacts(id), `{}`)
	cleared := k.post(t, k.contacts(id), `{"last_name":null,"email":null,"phone_1":null,"phone_2":null}`)

	require.Equal(t, 200, same.Status)
	require.Equal(t, before, same.Body)
	require.Equal(t, 200, cleared.Status)
	require.Equal(t, k.lone(id, strings.Replace(noPapers, "false", "true", 1), false), cleared.Body)
}

func TestUpdate_CompaniesAreReplaced(t *testing.T) {
	t.Parallel()
	k := setup(t)
	one, two := k.Acme.Example.ID(), k.Acme.Second.ID()
	id := k.made(t, fmt.Sprintf(`{"first_name":"Eve","company_id":%s,"receive_quotation_pdf":true}`, one))

	added := k.post(t, k.contacts(id), fmt.Sprintf(`{"company_ids":[%s,%s]}`, two, one))
	moved := k.post(t, k.contacts(id), fmt.Sprintf(`{"company_id":"%s","receive_purchase_order_pdf":true}`, one))

	require.Contains(t, added.Body, fmt.Sprintf(`"company_id":"%s","company":{"id":"%s","name":"Second BV"}`, two, two))
	require.Contains(t, added.Body, fmt.Sprintf(`"companies":[{"id":%s,"name":"Example Ltd","is_primary":false,"receive_quotation_pdf":true,`, one), "what a company that stays is sent stays")
	require.Contains(t, added.Body, fmt.Sprintf(`{"id":%s,"name":"Second BV","is_primary":true,"receive_quotation_pdf":false,`, two))
	require.Equal(t, k.lone(id, `"receive_quotation_pdf":true,"receive_purchase_order_pdf":true,"receive_purchase_order_invoice_pdf":false`, false), moved.Body)
}

func TestUpdate_TagsAreReplaced(t *testing.T) {
	t.Parallel()
	k := setup(t)
	tag := k.tag(t, contact.TagDetails{Name: "buyer"})
	id := k.made(t, fmt.Sprintf(`{"first_name":"Eve","company_id":%s,"tags":[%s,"%s"]}`, k.Acme.Example.ID(), tag, tag))
	require.Contains(t, k.get(t, k.contacts(id)).Body, fmt.Sprintf(`"tags":[{"id":%s,"name":"buyer",`, tag), "once, though named twice")

	require.Equal(t, k.lone(id, noPapers, false), k.post(t, k.contacts(id), `{"tags":[]}`).Body)
}

func TestUpdate_ANewAddressMovesTheLogin(t *testing.T) {
	t.Parallel()
	k := setup(t)
	g := k.SignIn(t)

	a := k.post(t, k.ada(), `{"email":"augusta@example.com"}`)

	require.Equal(t, 200, a.Status)
	require.Contains(t, a.Body, `"email":"augusta@example.com"`)
	require.Contains(t, a.Body, `"has_portal_login":true`)
	k.ended(t, g)
	_, err := k.signIn(t, harness.AdaMail, harness.Password)
	require.ErrorIs(t, err, user.ErrBadCredentials)
	_, err = k.signIn(t, "augusta@example.com", harness.Password)
	require.NoError(t, err)
}

func TestUpdate_ValuesThatBreakARule(t *testing.T) {
	t.Parallel()
	k := setup(t)
	g := k.SignIn(t)
	before := k.get(t, k.ada()).Body
	needsEmail := `{"message":"A contact with a portal login needs an e-mail address.","errors":{"email":["A contact with a portal login needs an e-mail address."]}}`
	for _, row := range []struct{ body, want string }{
		{`{"first_name":""}`, invalid("first_name", badText)},
		{`{"email":"` + harness.BobMail + `"}`, `{"message":"That address is already in use.","errors":{"email":["That address is already in use."]}}`},
		{`{"email":null}`, needsEmail},
		{`{"email":null,"password":"` + fresh + `"}`, needsEmail},
		{`{"first_name":"Augusta","password":"1234567"}`, badPassword(tooShort)},
		{`{"first_name":"Augusta","password":""}`, invalid("password", tooShort)},
		{`{"first_name":"Augusta","password":"Example Ltd"}`, badPassword("The password must not be the e-mail address or the name of the company or service.")},
		{`{"company_id":999999}`, invalid("company_id", "There is no such company.")},
		{`{"company_ids":null}`, invalid("company_ids", "A contact belongs to at least one company.")},
	} {
		requireError(t, k.post(t, k.ada(), row.body), 422, row.want)
	}

	require.Equal(t, before, k.get(t, k.ada()).Body)
	k.alive(t, g)
}

func TestUpdate_PasswordEndsTheSessions(t *testing.T) {
	t.Parallel()
	k := setup(t)
	g := k.SignIn(t)
	kept := k.post(t, k.ada(), `{"first_name":"Augusta","password":null}`)
	require.Equal(t, 200, kept.Status)
	k.alive(t, g)

	require.Equal(t, 200, k.post(t, k.ada(), `{"password":"`+fresh+`"}`).Status)

	k.ended(t, g)
	_, err := k.signIn(t, harness.AdaMail, fresh)
	require.NoError(t, err)
}

var passwordRoutes = []string{"/b2b-portal-password", "/password"}

func TestSetPassword_GivesTheContactALogin(t *testing.T) {
	t.Parallel()
	for _, route := range passwordRoutes {
		k := setup(t)
		cy := "/contacts/" + k.Acme.Cy.String()
		require.Contains(t, k.get(t, cy).Body, `"has_portal_login":false`)

		a := k.post(t, cy+route, `{"password":"`+fresh+`"}`)

		require.Equal(t, 200, a.Status)
		require.Contains(t, a.Body, `"has_portal_login":true`)
		require.Equal(t, k.get(t, cy).Body, a.Body)
		_, err := k.signIn(t, harness.CyMail, fresh)
		require.NoError(t, err)
		require.Contains(t, k.Actions(t), "password.set")
	}
}

func TestSetPassword_EndsTheSessions(t *testing.T) {
	t.Parallel()
	for _, route := range passwordRoutes {
		k := setup(t)
		g := k.SignIn(t)

		require.Equal(t, 200, k.post(t, k.ada()+route, `{"password":"`+fresh+`"}`).Status)

		k.ended(t, g)
		_, err := k.signIn(t, harness.AdaMail, harness.Password)
		require.ErrorIs(t, err, user.ErrBadCredentials)
		_, err = k.signIn(t, harness.AdaMail, fresh)
		require.NoError(t, err)
	}
}

func TestSetPassword_TakesThatMemberAlone(t *testing.T) {
	t.Parallel()
	k := setup(t)
	g := k.SignIn(t)
	for _, route := range passwordRoutes {
		for _, row := range []struct{ body, want string }{
			{`{"password":"` + fresh + `","first_name":"Augusta"}`, `{"message":"The request has a member that is not known here.","errors":{"first_name":["The request has a member that is not known here."]}}`},
			{`{"Password":"` + fresh + `"}`, `{"message":"The request has a member that is not known here.","errors":{"Password":["The request has a member that is not known here."]}}`},
			{`{}`, invalid("password", "A password is required.")},
			{`{"password":null}`, invalid("password", "A password is required.")},
			{`{"password":12345678}`, wrongType("password")},
			{`{"password":["` + fresh + `"]}`, wrongType("password")},
			{`[]`, wrongType("body")},
			{`"` + fresh + `"`, wrongType("body")},
			{`{"password":""}`, badPassword(tooShort)},
			{`{"password":"1234567"}`, badPassword(tooShort)},
			{`{"password":"ééééééé"}`, badPassword(tooShort)},
			{`{"password":"` + strings.Repeat("é", 256) + `"}`, badPassword(tooLong)},
			{`{"password":"password1"}`, badPassword("That password is among the most common or breached ones.")},
			{`{"password":"` + harness.AdaMail + `"}`, badPassword("The password must not be the e-mail address or the name of the company or service.")},
		} {
			requireError(t, k.post(t, k.ada()+route, row.body), 422, row.want)
		}
	}
	k.alive(t, g)
	for _, good := range []string{"8 chars!", strings.Repeat("é", 255)} {
		require.Equal(t, 200, k.post(t, k.ada()+"/password", `{"password":"`+good+`"}`).Status)
		_, err := k.signIn(t, harness.AdaMail, good)
		require.NoError(t, err)
	}
}

func TestSetPassword_OfAContactWithoutAnAddress(t *testing.T) {
	t.Parallel()
	k := setup(t)
	id := k.made(t, fmt.Sprintf(`{"first_name":"Eve","company_id":%s}`, k.Acme.Example.ID()))
	for _, route := range passwordRoutes {
		requireError(t, k.post(t, k.contacts(id)+route, `{"password":"`+fresh+`"}`), 422,
			`{"message":"A contact with a portal login needs an e-mail address.","errors":{"email":["A contact with a portal login needs an e-mail address."]}}`)
	}
	require.Equal(t, k.lone(id, noPapers, false), k.get(t, k.contacts(id)).Body)
}

func TestSetPassword_SettingsOfTheTenant(t *testing.T) {
	t.Parallel()
	k := setup(t)
	k.ChangeTenant(t, k.Acme.ID, func(d *tenant.Details) {
		d.Settings.PasswordMinLength, d.Settings.AdminPasswords = 20, tenant.Temporary
	})

	short := k.post(t, k.ada()+"/password", `{"password":"nineteen-characters"}`)
	good := k.post(t, k.ada()+"/password", `{"password":"`+fresh+`"}`)

	requireError(t, short, 422, badPassword(tooShort))
	require.Equal(t, 200, good.Status)
	_, err := k.signIn(t, harness.AdaMail, fresh)
	require.ErrorIs(t, err, user.ErrChangeRequired)
}

func TestRoleHolder_IsRefusedHere(t *testing.T) {
	t.Parallel()
	k := setup(t)
	k.promote(t)
	g := k.SignIn(t)
	before := k.get(t, k.ada()).Body
	for _, token := range []string{k.token, k.APIToken(t, "", actor.ContactsWrite), harness.OperatorToken} {
		at := map[string]string{"X-Tenant-Code": harness.Code}
		for path, body := range map[string]string{
			k.ada() + "/password":            `{"password":"` + fresh + `"}`,
			k.ada() + "/b2b-portal-password": `{"password":"` + fresh + `"}`,
			k.ada():                          `{"first_name":"Augusta","password":"` + fresh + `"}`,
			k.ada() + "?":                    `{"first_name":"Augusta","email":"augusta@example.com"}`,
		} {
			requireError(t, k.Do(t, harness.Ask{Path: root + path, Token: token, Body: body, Header: at}), 403, roleHolder)
		}
	}
	require.Equal(t, before, k.get(t, k.ada()).Body)
	k.alive(t, g)

	require.Equal(t, 200, k.post(t, k.ada(), `{"first_name":"Augusta"}`).Status, "what is no credential may be changed")
}
