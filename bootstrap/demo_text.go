package bootstrap

// demoLines is what a reader of the demo sees. The part between the marks is
// one shell script; the invitation's link works once, everything else again
// and again.
const demoLines = `
Ostiary demo at {{.Base}} (tenant {{.Tenant}}); stop it with Ctrl-C, nothing is kept.

  API token  {{.Token}}
  sign-in    {{.Email}} / {{.Password}}
  docs       {{.Base}}/docs

The nine operations of the three original APIs, to paste into another terminal:

# paste from here
BASE={{.Base}}
API_TOKEN={{.Token}}
# 1. Luminous: set the portal password of a contact
curl -fsS -X POST "$BASE/external/api/v1/contacts/{{.Contact}}/b2b-portal-password" -H "Authorization: Bearer $API_TOKEN" -H 'Content-Type: application/json' -d '{"password":"{{.Password}}"}'; echo
# 2. Exsited: log in (GET with a body; POST works as well)
curl -fsS -X GET "$BASE/api/v3/portal/login" -H 'Content-Type: application/json' -d '{"email":"{{.Email}}","password":"{{.Password}}"}'; echo
# 3. Exsited: change the password
curl -fsS -X POST "$BASE/api/v3/portal/change-password" -H 'Content-Type: application/json' -d '{"email":"{{.Email}}","current_password":"{{.Password}}","new_password":"{{.Next}}"}'; echo
# 4. Alpha: ask for a magic link; the mail appears in the demo's terminal
curl -fsS -X POST "$BASE/api/v1/portal/auth/request-magic-link" -H 'Content-Type: application/json' -d '{"email":"{{.Email}}","tenantCode":"{{.Tenant}}"}'
# 5. Alpha: sign in by the link that {{.Cleo}} was mailed
ACCESS_TOKEN=$(curl -fsS -X POST "$BASE/api/v1/portal/auth/validate?token={{.Link}}" | sed 's/.*"accessToken":"\([^"]*\)".*/\1/')
# 6. Alpha: who am I
curl -fsS "$BASE/api/v1/portal/me" -H "Authorization: Bearer $ACCESS_TOKEN"; echo
# 7. Alpha: which company am I with
curl -fsS "$BASE/api/v1/portal/client" -H "Authorization: Bearer $ACCESS_TOKEN"; echo
# 8. Alpha: which sections are open to me
curl -fsS "$BASE/api/v1/portal/scopes" -H "Authorization: Bearer $ACCESS_TOKEN"; echo
# 9. Alpha: the dashboard
curl -fsS "$BASE/api/v1/portal/dashboard/stats" -H "Authorization: Bearer $ACCESS_TOKEN"; echo
# paste until here

`
