package attack_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/mongo"
	"go.mongodb.org/mongo-driver/mongo/options"

	"ostiary/test/program"
)

// atRest is every byte that a deployment has stored: the database's files with
// what they still hold of the past, or all documents as the server gives them.
func atRest(d *program.Deployment) []byte {
	d.T.Helper()
	if d.On.Name == program.OnSQLite.Name {
		var all []byte
		// What leaves the log while this reads is in the file that comes after.
		for _, suffix := range []string{"-wal", ""} {
			raw, err := os.ReadFile(filepath.Join(d.Dir, "ostiary.db"+suffix))
			require.NoError(d.T, err)
			all = append(all, raw...)
		}
		return all
	}
	return documents(d.T, strings.TrimPrefix(d.Storage[0], "OSTIARY_STORAGE="))
}

func documents(t testing.TB, uri string) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), program.Patience)
	defer cancel()
	client, err := mongo.Connect(ctx, options.Client().ApplyURI(uri))
	require.NoError(t, err)
	defer func() { require.NoError(t, client.Disconnect(ctx)) }()
	at, err := url.Parse(uri)
	require.NoError(t, err)
	db := client.Database(strings.Trim(at.Path, "/"))
	names, err := db.ListCollectionNames(ctx, bson.D{})
	require.NoError(t, err)
	require.NotEmpty(t, names)
	var all []byte
	for _, name := range names {
		cursor, err := db.Collection(name).Find(ctx, bson.D{})
		require.NoError(t, err)
		for cursor.Next(ctx) {
			all = append(all, cursor.Current...)
		}
		require.NoError(t, cursor.Err())
	}
	return all
}

// spellings are the ways in which somebody might have written a secret down.
func spellings(t testing.TB, token string) map[string][]byte {
	t.Helper()
	raw := opened(t, token)
	secret := raw[len(raw)-32:]
	return map[string][]byte{
		"as mailed": []byte(token), "bytes": secret, "hex": []byte(hex.EncodeToString(secret)),
		"upper hex": []byte(strings.ToUpper(hex.EncodeToString(secret))), "base64": []byte(base64.RawStdEncoding.EncodeToString(secret)),
		"base64url": []byte(base64.RawURLEncoding.EncodeToString(secret)),
	}
}

func Test035_LinksAreStoredHashedOnly(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		d := program.Shared(t, on, program.Cheap...)
		_, box := opening(d, "t035")
		m := box.ask(program.Address)
		secrets := map[string][]byte{"code": []byte(m.typed(t))}
		for about, of := range map[string]string{"token": m.Token, "binding": m.Binding} {
			for how, text := range spellings(t, of) {
				secrets[about+" "+how] = text
			}
		}
		kept := func(when string) []byte {
			raw := atRest(d)
			for about, text := range secrets {
				require.False(t, bytes.Contains(raw, text), "%s, %s, is stored", about, when)
			}
			return raw
		}

		minted := kept("before it is used")
		raw := opened(t, m.Token)
		digest := sha256.Sum256(raw[len(raw)-32:])
		require.True(t, bytes.Contains(minted, digest[:]), "its digest is, or nothing was looked through")
		d.Must(http.StatusOK, program.Validate(m.Token))
		kept("after it is used")
	})
}

// Test036_LinksAreWrittenNowhere drags a token through everything that answers,
// logs or counts.
func Test036_LinksAreWrittenNowhere(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		d := program.Shared(t, on, program.Cheap...)
		_, box := opening(d, "t036")
		m := box.ask(program.Address)
		bare := d.Unchecked()
		quiet := func(about string, text string) {
			t.Helper()
			for how, secret := range spellings(t, m.Token) {
				require.False(t, strings.Contains(text, string(secret)), "%s has the token, %s", about, how)
			}
		}
		for about, r := range dragged(m) {
			got := bare.Send(r)
			require.Less(t, got.Status, 500, about)
			quiet(about, fmt.Sprint(got.Header, string(got.Body)))
		}
		for about, raw := range unreadable(m.Token) {
			quiet(about, bare.Wire(raw))
		}
		quiet("success", string(d.Must(http.StatusOK, program.Validate(m.Token)).Body))
		quiet("spent", fmt.Sprint(d.Must(http.StatusUnauthorized, program.Validate(m.Token))))

		quiet("metrics", string(d.Must(http.StatusOK, program.Request{Method: "GET", Path: "/metrics", Bearer: program.OperatorToken}).Body))
		quiet("audit", fmt.Sprint(audited(d, "t036", "link.asked"), audited(d, "t036", "session.opened")))
		quiet("log", logUntilNow(d))
		quiet("store", string(atRest(d)))
	})
}

// logUntilNow is the log with everything that was answered so far.
func logUntilNow(d *program.Deployment) string {
	d.T.Helper()
	id := d.Send(program.Request{Method: "GET", Path: "/healthz"}).Header.Get("X-Request-Id")
	require.NotEmpty(d.T, id)
	require.Eventually(d.T, func() bool { return strings.Contains(d.Log(), id) }, program.Patience, 10*time.Millisecond, "the log")
	return d.Log()
}

// dragged are requests that say a token where it does not belong, none of
// which uses it up.
func dragged(m mailed) map[string]program.Request {
	const validate = "/api/v1/portal/auth/validate"
	get := func(path string, header ...string) program.Request {
		r := program.Request{Method: "GET", Path: path, Header: map[string]string{}}
		for i := 0; i < len(header); i += 2 {
			r.Header[header[i]] = header[i+1]
		}
		return r
	}
	post := func(path, body string, header ...string) program.Request {
		r := get(path, header...)
		r.Method, r.Body = "POST", body
		return r
	}
	token := m.Token
	return map[string]program.Request{
		"other method":      get(validate + "?token=" + token),
		"no such path":      get("/t/t036/magic/" + token),
		"nobody's path":     get("/" + token),
		"path of a tenant":  get("/t/" + token + "/magic"),
		"twice":             post(validate+"?token="+token+"&token="+token, ""),
		"bad query":         post(validate+"?token="+token+"&x=%zz", ""),
		"NUL":               post(validate+"?token="+token+"%00", ""),
		"two tokens":        post(validate+"?token="+token, `{"token":"another"}`),
		"another tenant":    post("/t/nobody"+validate+"?token="+token, ""),
		"cut off":           post(validate, `{"token":"`+token),
		"duplicate member":  post(validate, `{"`+token+`":1,"`+token+`":2}`),
		"wrong media type":  post(validate, `{"token":"`+token+`"}`, "Content-Type", "text/plain; x="+token),
		"too large":         post(validate, `{"token":"`+strings.Repeat(token, 1100)+`"}`),
		"as bearer":         get("/api/v1/portal/me", "Authorization", "Bearer "+token),
		"as bearer, admin":  get("/admin/v1/tenants", "Authorization", "Bearer "+token),
		"as basic":          get("/api/v1/portal/me", "Authorization", "Basic "+token),
		"as refresh token":  program.Refresh(token),
		"parity":            get("/api/v1/auth/refresh/" + token),
		"parity logout":     get("/api/v1/auth/logout/" + token),
		"referrer":          get("/healthz", "Referer", "https://portal.example/t/t036/magic?token="+token, "User-Agent", token),
		"request id":        get("/healthz", "X-Request-Id", token, "Traceparent", token),
		"page, other token": pageForm("t036", token, "token="+token),
		"page, twice":       pageForm("t036", m.Binding, "token="+token+"&token="+token),
		"page, bad escape":  pageForm("t036", m.Binding, "token="+token+"%zz"),
		"as address":        post("/api/v1/portal/auth/request-magic-link", `{"email":"`+token+`","tenantCode":"t036"}`),
		"as tenant":         post("/api/v1/portal/auth/request-magic-link", `{"email":"a@globex.example","tenantCode":"`+token+`"}`),
		"as code":           byCode("t036", program.Address, token, m.Binding),
		"as picture":        get("/blobs/" + token + "?sig=" + token),
		"as receipt":        program.Operator("GET", "/tenants/t036/receipts/"+token, ""),
	}
}

// unreadable are requests that no route ever sees.
func unreadable(token string) map[string]string {
	head := "POST /api/v1/portal/auth/validate?token=" + token + " HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
	return map[string]string{
		"blank before a colon": head + "X-Token : " + token + "\r\n\r\n",
		"two lengths":          head + "Content-Length: 0\r\nContent-Length: 1\r\nX-Token: " + token + "\r\n\r\n",
		"bare line feed":       head + "X-Token: " + token + "\n\r\n\r\n",
		"no version":           "GET /?token=" + token + "\r\n\r\n",
		"as method":            token + " / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
		"as version":           "GET / " + token + "\r\nHost: 127.0.0.1\r\n\r\n",
		"long header":          head + "X-Token: " + strings.Repeat(token, 600) + "\r\n\r\n",
		"cut off":              head + "X-Token: " + token,
	}
}
