package wellknown_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/adapters/web"
	"ostiary/adapters/web/wellknown"
	"ostiary/adapters/web/wellknown/docs"
	"ostiary/adapters/web/wellknown/openapi"
	"ostiary/domain/actor"
	"ostiary/domain/avatar"
	"ostiary/test/harness"
)

const planted = "P14nted-v4lue"

var errDown = errors.New(planted + " is down")

func parts(w *harness.World) wellknown.Parts {
	return wellknown.Parts{
		Storage: w.Store.Health.Ping,
		Keys:    func(ctx context.Context) error { _, err := w.Ring.JWKS(ctx); return err },
		JWKS:    w.Ring.JWKS, Operator: w.Guard.Operator, Metrics: web.Metrics(w.Metrics), Profile: w.Profile,
		Document: openapi.JSON(),
		Pprof: func(_ context.Context, name string, lasts time.Duration) ([]byte, error) {
			switch name {
			case "block":
				return nil, wellknown.ErrProfileBusy
			case "cpu":
				return []byte(lasts.String()), nil
			}
			return nil, wellknown.ErrNoProfile
		},
		Docs: wellknown.Docs{Page: docs.Index(), Policy: docs.Policy, Asset: docs.Asset, Unpack: docs.Unpack},
	}
}

func setup(t *testing.T) *harness.World {
	t.Helper()
	w := harness.New(t, harness.Options{})
	w.Serve(t, wellknown.New(parts(w), wellknown.Config{PublicURL: w.PublicURL}).Dialect())
	return w
}

func requireProblem(t *testing.T, a harness.Answer, status int, kind, code string) {
	t.Helper()
	require.Equal(t, status, a.Status, a.Body)
	var got struct{ Detail string }
	require.NoError(t, json.Unmarshal([]byte(a.Body), &got))
	require.NotEmpty(t, got.Detail)
	require.Equal(t, fmt.Sprintf(
		`{"type":"%s","title":"%s","status":%d,"detail":"%s","code":"%s"}`, kind, http.StatusText(status), status, got.Detail, code,
	), a.Body)
	require.Equal(t, "application/problem+json", a.Header.Get("Content-Type"))
	require.Equal(t, "no-store", a.Header.Get("Cache-Control"))
	require.NotEmpty(t, a.Header.Get("X-Receipt"))
}

func TestHealth_IsTheProcesss(t *testing.T) {
	t.Parallel()
	w := setup(t)

	a := w.Do(t, harness.Ask{Path: "/healthz"})

	require.Equal(t, 200, a.Status)
	require.Equal(t, `{"status":"ok"}`, a.Body)
	require.Equal(t, "no-store", a.Header.Get("Cache-Control"))
}

func TestReadiness_SaysWhatFailsButNotWhy(t *testing.T) {
	t.Parallel()
	fine := func(context.Context) error { return nil }
	broken := func(context.Context) error { return errDown }
	for name, c := range map[string]struct {
		storage, keys func(context.Context) error
		status        int
		body          string
	}{
		"all well":   {fine, fine, 200, `{"status":"ok","checks":{"storage":"ok","keys":"ok"}}`},
		"no storage": {broken, fine, 503, `{"status":"unavailable","checks":{"storage":"unavailable","keys":"ok"}}`},
		"no keys":    {fine, broken, 503, `{"status":"unavailable","checks":{"storage":"ok","keys":"unavailable"}}`},
	} {
		w := harness.New(t, harness.Options{})
		p := parts(w)
		p.Storage, p.Keys = c.storage, c.keys
		w.Serve(t, wellknown.New(p, wellknown.Config{PublicURL: w.PublicURL}).Dialect())

		a := w.Do(t, harness.Ask{Path: "/readyz"})

		require.Equal(t, c.status, a.Status, name)
		require.Equal(t, c.body, a.Body, name)
		require.Equal(t, c.status == 503, a.Header.Get("Retry-After") != "", name)
	}
}

func TestReadiness_OfAWholeDeployment(t *testing.T) {
	t.Parallel()
	w := setup(t)

	require.Equal(t, 200, w.Do(t, harness.Ask{Path: "/readyz"}).Status)
}

func TestReadiness_DoesNotWaitForAStorageThatHangs(t *testing.T) {
	t.Parallel()
	w := harness.New(t, harness.Options{})
	p := parts(w)
	var left time.Duration
	p.Storage = func(ctx context.Context) error {
		until, _ := ctx.Deadline()
		left = time.Until(until)
		return ctx.Err()
	}
	w.Serve(t, wellknown.New(p, wellknown.Config{PublicURL: w.PublicURL}).Dialect())

	w.Do(t, harness.Ask{Path: "/readyz"})

	require.LessOrEqual(t, left, 2*time.Second)
}

func TestMetrics_AreTheOperators(t *testing.T) {
	t.Parallel()
	w := setup(t)
	get := func(token string) harness.Answer { return w.Do(t, harness.Ask{Path: "/metrics", Token: token}) }

	for _, token := range []string{
		"", "garbage", w.SignIn(t).Access.Reveal(), w.APIToken(t, harness.Code, actor.AuditRead), harness.OperatorToken + "x",
	} {
		a := get(token)
		requireProblem(t, a, 401, "unauthenticated", "unauthenticated")
		require.Equal(t, "Bearer", a.Header.Get("WWW-Authenticate"))
	}
	for _, token := range []string{harness.OperatorToken, w.APIToken(t, "", actor.AuditRead)} {
		a := get(token)
		require.Equal(t, 200, a.Status)
		require.Contains(t, a.Body, "ostiary_http_requests_total")
		require.NotContains(t, a.Body, harness.Code, "no label tells who the tenants are")
	}
}

func TestProfiles_AreTheOperators(t *testing.T) {
	t.Parallel()
	w := harness.New(t, harness.Options{Undocumented: true})
	w.Serve(t, wellknown.New(parts(w), wellknown.Config{PublicURL: w.PublicURL}).Dialect())
	get := func(path, token string) harness.Answer {
		return w.Do(t, harness.Ask{Path: "/debug/pprof/" + path, Token: token})
	}

	for _, token := range []string{"", "garbage", w.SignIn(t).Access.Reveal(), w.APIToken(t, harness.Code, actor.AuditRead)} {
		requireProblem(t, get("cpu", token), 401, "unauthenticated", "unauthenticated")
	}
	for query, want := range map[string]string{"": "5s", "?seconds=1": "1s", "?seconds=10": "10s"} {
		a := get("cpu"+query, harness.OperatorToken)
		require.Equal(t, 200, a.Status)
		require.Equal(t, want, a.Body)
		require.Equal(t, "application/octet-stream", a.Header.Get("Content-Type"))
		require.Equal(t, "no-store", a.Header.Get("Cache-Control"))
	}
	for _, query := range []string{"?seconds=0", "?seconds=11", "?seconds=-1", "?seconds=1.5", "?seconds=x", "?seconds=1&seconds=1"} {
		require.Equal(t, 400, get("cpu"+query, harness.OperatorToken).Status, query)
	}
	requireProblem(t, get("block", harness.OperatorToken), 409, "conflict", "profile_busy")
	requireProblem(t, get("else", harness.OperatorToken), 404, "not-found", "not_found")
}

func TestKeySet_IsPublicAndAlikeForEveryCode(t *testing.T) {
	t.Parallel()
	w := setup(t)

	a := w.Do(t, harness.Ask{Path: "/.well-known/jwks.json"})

	require.Equal(t, 200, a.Status)
	require.Equal(t, "application/json", a.Header.Get("Content-Type"))
	require.Equal(t, "public, max-age=300", a.Header.Get("Cache-Control"))
	var set struct{ Keys []map[string]string }
	require.NoError(t, json.Unmarshal([]byte(a.Body), &set))
	require.Len(t, set.Keys, 1)
	for member := range set.Keys[0] {
		require.Contains(t, []string{"kty", "crv", "x", "y", "kid", "alg", "use"}, member)
	}
	for _, code := range []string{harness.Code, "nobody", planted} {
		twin := w.Do(t, harness.Ask{Path: "/t/" + code + "/.well-known/jwks.json"})
		require.Equal(t, a.Status, twin.Status)
		require.Equal(t, a.Body, twin.Body)
		require.Equal(t, a.Header.Get("Cache-Control"), twin.Header.Get("Cache-Control"))
	}
	same := w.Do(t, harness.Ask{Path: "/.well-known/jwks.json", Header: map[string]string{"If-None-Match": a.Header.Get("ETag")}})
	require.Equal(t, 304, same.Status)
	require.Equal(t, "public, max-age=300", same.Header.Get("Cache-Control"))
	head := w.Do(t, harness.Ask{Method: "HEAD", Path: "/.well-known/jwks.json"})
	require.Equal(t, 200, head.Status)
	require.Equal(t, a.Header.Get("ETag"), head.Header.Get("ETag"))
}

func TestKeySet_IsUnavailableWithoutKeys(t *testing.T) {
	t.Parallel()
	w := harness.New(t, harness.Options{})
	p := parts(w)
	p.JWKS = func(context.Context) ([]byte, error) { return nil, errDown }
	w.Serve(t, wellknown.New(p, wellknown.Config{PublicURL: w.PublicURL}).Dialect())

	for _, path := range []string{"/.well-known/jwks.json", "/.well-known/openid-configuration"} {
		a := w.Do(t, harness.Ask{Path: path})
		requireProblem(t, a, 503, "unavailable", "internal")
		require.NotContains(t, a.Body, planted)
		require.Empty(t, a.Header.Get("ETag"))
	}
}

func TestMetadata_SaysWhereTheKeysAre(t *testing.T) {
	t.Parallel()
	w := setup(t)

	a := w.Do(t, harness.Ask{Path: "/.well-known/openid-configuration"})

	require.Equal(t, 200, a.Status)
	require.Equal(t, fmt.Sprintf(
		`{"issuer":"%[1]s","jwks_uri":"%[1]s/.well-known/jwks.json","response_types_supported":[],"subject_types_supported":["public"],`+
			`"id_token_signing_alg_values_supported":["ES256"],"claims_supported":["iss","aud","sub","sid","jti","iat","nbf","exp",`+
			`"auth_time","amr","tenant","tid","company","portal","contact","scope","roles"],"service_documentation":"%[1]s/docs"}`, w.PublicURL,
	), a.Body)
	require.Equal(t, "public, max-age=300", a.Header.Get("Cache-Control"))
}

func TestChangePassword_LeadsToThePageOfTheDefaultTenant(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]string{"": "/docs", harness.Code: "/t/acme/magic"} {
		w := harness.New(t, harness.Options{})
		w.Serve(t, wellknown.New(parts(w), wellknown.Config{PublicURL: w.PublicURL, DefaultTenant: code}).Dialect())

		a := w.Do(t, harness.Ask{Path: "/.well-known/change-password"})

		require.Equal(t, 302, a.Status)
		require.Equal(t, w.PublicURL+want, a.Header.Get("Location"))
		require.Empty(t, a.Body)
	}
}

func TestDocument_IsServedAsItIs(t *testing.T) {
	t.Parallel()
	w := setup(t)

	a := w.Do(t, harness.Ask{Path: "/openapi.json"})
	same := w.Do(t, harness.Ask{Path: "/openapi.json", Header: map[string]string{"If-None-Match": `"other", W/` + a.Header.Get("ETag")}})
	other := w.Do(t, harness.Ask{Path: "/openapi.json", Header: map[string]string{"If-None-Match": `"other"`}})

	require.Equal(t, 200, a.Status)
	require.Equal(t, string(openapi.JSON()), a.Body)
	require.Equal(t, "no-cache", a.Header.Get("Cache-Control"))
	require.Equal(t, 304, same.Status)
	require.Empty(t, same.Body)
	require.Equal(t, a.Header.Get("ETag"), same.Header.Get("ETag"))
	require.Equal(t, 200, other.Status)
}

func TestDocs_AreReadableOffline(t *testing.T) {
	t.Parallel()
	w := setup(t)

	a := w.Do(t, harness.Ask{Path: "/docs"})

	require.Equal(t, 200, a.Status)
	require.Equal(t, "text/html; charset=utf-8", a.Header.Get("Content-Type"))
	require.Equal(t, string(docs.Index()), a.Body)
	require.Equal(t, docs.Policy, a.Header.Get("Content-Security-Policy"))
}

func TestDocsAssets_ArePackedForWhoeverTakesIt(t *testing.T) {
	t.Parallel()
	w := setup(t)
	get := func(name, accepts string) harness.Answer {
		return w.Do(t, harness.Ask{Path: "/docs/" + name, Header: map[string]string{"Accept-Encoding": accepts}})
	}

	packed, plain := get("scalar.js", "br, gzip;q=0.8"), get("scalar.js", "gzip;q=0")

	require.Equal(t, "gzip", packed.Header.Get("Content-Encoding"))
	require.Equal(t, "Accept-Encoding", packed.Header.Get("Vary"))
	require.Regexp(t, `^public, max-age=`, packed.Header.Get("Cache-Control"))
	unpacked, err := gzip.NewReader(strings.NewReader(packed.Body))
	require.NoError(t, err)
	text, err := io.ReadAll(unpacked)
	require.NoError(t, err)
	require.True(t, bytes.Equal(text, []byte(plain.Body)))
	require.Empty(t, plain.Header.Get("Content-Encoding"))
	require.NotEqual(t, packed.Header.Get("ETag"), plain.Header.Get("ETag"))
	require.Equal(t, "text/plain; charset=utf-8", get("scalar.LICENSE.txt", "").Header.Get("Content-Type"))
	requireProblem(t, get(planted, ""), 404, "not-found", "not_found")
}

func TestPicture_NeedsASignatureThatHolds(t *testing.T) {
	t.Parallel()
	w := setup(t)
	id, other := w.AddBlob(t, "a picture"), w.AddBlob(t, "another")
	signed := strings.TrimPrefix(w.Profile.ImageURL(w.Acme.ID, avatar.Avatar{Blob: id}), w.PublicURL)
	at, err := url.Parse(signed)
	require.NoError(t, err)
	sig := at.Query().Get("sig")

	a := w.Do(t, harness.Ask{Path: signed})

	require.Equal(t, 200, a.Status)
	require.Equal(t, "a picture", a.Body)
	require.Equal(t, "image/png", a.Header.Get("Content-Type"))
	require.Equal(t, "private, max-age=3600", a.Header.Get("Cache-Control"))
	require.Equal(t, `inline; filename="`+id.String()+`.png"`, a.Header.Get("Content-Disposition"))
	require.Equal(t, "cross-origin", a.Header.Get("Cross-Origin-Resource-Policy"))
	require.Equal(t, "nosniff", a.Header.Get("X-Content-Type-Options"))
	for _, path := range []string{
		"/blobs/" + id.String(),
		"/blobs/" + other.String() + "?sig=" + sig,
		"/blobs/" + id.String() + "?sig=B" + sig[1:],
		signed + "&sig=" + sig,
		"/blobs/" + planted + "?sig=" + sig,
		"/blobs/" + id.String() + "?sig=%zz",
	} {
		requireProblem(t, w.Do(t, harness.Ask{Path: path}), 404, "not-found", "blob_not_found")
	}
	w.Advance(t, 24*time.Hour)
	requireProblem(t, w.Do(t, harness.Ask{Path: signed}), 404, "not-found", "blob_not_found")
}

func TestPathsOfNobody_AreProblems(t *testing.T) {
	t.Parallel()
	w := harness.New(t, harness.Options{Undocumented: true})
	w.Serve(t, wellknown.New(parts(w), wellknown.Config{PublicURL: w.PublicURL}).Dialect())

	for _, path := range []string{"/", "/" + planted, "/.well-known/" + planted, "/t/acme/" + planted, "/docs/a/b"} {
		a := w.Do(t, harness.Ask{Path: path})
		requireProblem(t, a, 404, "not-found", "not_found")
		require.NotContains(t, a.Body, planted)
	}
	requireProblem(t, w.Do(t, harness.Ask{Path: "/a%ff"}), 400, "malformed", "malformed")
}

func TestOtherMethods_AreRefused(t *testing.T) {
	t.Parallel()
	w := setup(t)

	for _, path := range []string{"/healthz", "/openapi.json", "/.well-known/jwks.json", "/docs", "/blobs/x", "/metrics"} {
		a := w.Do(t, harness.Ask{Method: "POST", Path: path, Body: `{"a":"` + planted + `"}`})
		requireProblem(t, a, 405, "method-not-allowed", "method_not_allowed")
		require.Equal(t, "GET, HEAD", a.Header.Get("Allow"))
	}
}
