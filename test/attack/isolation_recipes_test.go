package attack_test

// recipe says what the document cannot: which body makes sense, with the nouns
// of a world in braces.
type recipe struct {
	body  string
	media string // JSON when empty
	ends  string // what kind of credential the call may use up
}

// What a call may use up.
const (
	endsSession = "session"
	endsLink    = "link"
)

// nouns say what a parameter of a path names, by the segment before it.
var nouns = map[string]string{
	"t": "tenant", "tenants": "tenant", "companies": "company", "contacts": "contact", "tags": "tag",
	"api-tokens": "token", "sessions": "session", "blobs": "blob", "receipts": "receipt",
	"keys": "kid", "documents": "kind", "{kind}": "ref", "refresh": "credential", "logout": "credential", "docs": "asset", "pprof": "profile",
}

// queryRecipes say what goes into a parameter of the query; nothing where the
// parameter only narrows what one sees anyway.
var queryRecipes = map[string]string{
	"token": "{credential}", "sig": "{sig}", "email": "{mail}", "q": "{name}", "first_name": "", "last_name": "", "phone": "",
	"status": "", "actor": "user:{user}", "action": "", "since": "", "until": "", "limit": "", "cursor": "", "page": "", "seconds": "",
}

// knownHeaders are those that the walk knows: it sends If-Match always, the tenant
// where it says so, and leaves the others out.
var knownHeaders = []string{"If-Match", "X-Tenant-Code", "X-Link-Binding", "Idempotency-Key", "If-None-Match"}

const (
	aPassword    = "Walnut-Anchor-58"
	wrongLogin   = `{"email":"{mail}","username":"{mail}","password":"` + aPassword + `","tenantCode":"{tenant}","portal":"{portal}"}`
	parityBody   = `{"username":"{mail}","password":"` + aPassword + `"}`
	exsited      = `{"email":"{mail}","password":"` + aPassword + `"}`
	exsitedNew   = `{"email":"{mail}","current_password":"` + aPassword + `","new_password":"Copper-Meadow-41"}`
	hire         = `{"firstName":"Mallory","companies":[{"id":{company},"isPrimary":true}],"tags":[{tag}]}`
	rehire       = `{"companies":[{"id":{company},"isPrimary":true}],"tags":[{tag}]}`
	external     = `{"first_name":"Mallory","email":"mallory@elsewhere.example","company_ids":["{company}"],"tags":[{tag}]}`
	passwordBody = `{"password":"` + aPassword + `"}`
	tokenBody    = `{"name":"walk","permissions":["contacts:read"]}`
	documentBody = `{"status":"sent","currency":"EUR","total":"1.00","outstanding":"1.00"}`
	batchLine    = `{"company":{company},"kind":"{kind}","ref":"{ref}","status":"sent","currency":"EUR","total":"1.00","outstanding":"1.00"}` + "\n"
	formMedia    = "application/x-www-form-urlencoded"
)

// recipes stand by method and path, without the tenant's prefix.
var recipes = map[string]recipe{
	"POST /api/v1/portal/auth/request-magic-link": {body: `{"email":"stranger@elsewhere.example","tenantCode":"{tenant}"}`},
	"POST /api/v1/portal/auth/validate":           {body: `{"token":"{credential}"}`, ends: endsLink},
	"POST /api/v1/portal/auth/validate-code":      {body: `{"email":"{mail}","code":"ABCD2345","tenantCode":"{tenant}"}`},
	"POST /api/v1/portal/auth/login":              {body: wrongLogin},
	"POST /api/v1/portal/auth/refresh":            {body: `{"refreshToken":"{credential}"}`, ends: endsSession},
	"POST /api/v1/portal/auth/logout":             {body: `{"refreshToken":"{credential}"}`, ends: endsSession},
	"POST /api/v1/portal/auth/switch":             {body: `{"portal":"{portal}"}`, ends: endsSession},
	"POST /api/v1/portal/auth/change-password":    {body: `{"currentPassword":"` + aPassword + `","newPassword":"Copper-Meadow-41"}`, ends: endsSession},
	"DELETE /api/v1/portal/auth/sessions":         {ends: endsSession},
	"POST /api/v1/auth/login":                     {body: parityBody},
	"GET /api/v1/auth/refresh/{refreshToken}":     {ends: endsSession},
	"GET /api/v1/auth/logout/{refreshToken}":      {ends: endsSession},
	"GET /api/v3/portal/login":                    {body: exsited},
	"POST /api/v3/portal/login":                   {body: exsited},
	"GET /api/v3/portal/change-password":          {body: exsitedNew},
	"POST /api/v3/portal/change-password":         {body: exsitedNew},
	"POST /magic":                                 {body: "token={credential}", media: formMedia},

	"POST /external/api/v1/contacts/{contactId}/b2b-portal-password": {body: passwordBody},
	"POST /external/api/v1/contacts/{contactId}/password":            {body: passwordBody},
	"POST /external/api/v1/contacts/{contactId}":                     {body: `{"last_name":"Was-Here"}`},
	"POST /external/api/v1/contacts":                                 {body: external},

	"POST /admin/v1/tenants":                                             {body: `{"code":"{tenant}","name":"Walk"}`},
	"PATCH /admin/v1/tenants/{code}":                                     {body: `{"name":"Was here"}`},
	"PUT /admin/v1/tenants/{code}/scopes":                                {body: `{"configurator":true,"finance":true,"support":true}`},
	"POST /admin/v1/tenants/{code}/companies":                            {body: `{"name":"Walk"}`},
	"PATCH /admin/v1/tenants/{code}/companies/{id}":                      {body: `{"name":"Was here"}`},
	"PUT /admin/v1/tenants/{code}/companies/{id}/avatar":                 {body: smallPNG, media: "image/png"},
	"PUT /admin/v1/tenants/{code}/companies/{id}/documents/{kind}/{ref}": {body: documentBody},
	"POST /admin/v1/tenants/{code}/documents:batch":                      {body: batchLine, media: "application/x-ndjson"},
	"POST /admin/v1/tenants/{code}/contacts":                             {body: hire},
	"PATCH /admin/v1/tenants/{code}/contacts/{id}":                       {body: rehire},
	"PUT /admin/v1/tenants/{code}/contacts/{id}/avatar":                  {body: smallPNG, media: "image/png"},
	"POST /admin/v1/tenants/{code}/contacts/{id}/invitation":             {body: `{}`},
	"PUT /admin/v1/tenants/{code}/contacts/{id}/password":                {body: passwordBody},
	"PATCH /admin/v1/tenants/{code}/contacts/{id}/user":                  {body: `{"enabled":false,"roles":["admin"]}`},
	"POST /admin/v1/tenants/{code}/tags":                                 {body: `{"name":"Walk"}`},
	"PATCH /admin/v1/tenants/{code}/tags/{id}":                           {body: `{"name":"Was here"}`},
	"POST /admin/v1/tenants/{code}/api-tokens":                           {body: tokenBody},
	"POST /admin/v1/api-tokens":                                          {body: tokenBody},
	"POST /admin/v1/keys/rotate":                                         {body: `{}`},
}
