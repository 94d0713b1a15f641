package admin_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/domain/contact"
	"ostiary/test/fake"
	"ostiary/test/harness"
)

// walk follows the cursors and returns what names the items, in order.
func (w *world) walk(t *testing.T, path, limit, member string) (out []string) {
	t.Helper()
	for cursor := ""; ; {
		q := url.Values{"limit": {limit}}
		if cursor != "" {
			q.Set("cursor", cursor)
		}
		page := object(t, w.operate(t, "GET", path+"?"+q.Encode(), "", 200).Body)
		got, _ := page["items"].([]any)
		for _, item := range got {
			out = append(out, fmt.Sprint(item.(map[string]any)[member]))
		}
		next, more := page["nextCursor"].(string)
		if !more {
			return out
		}
		require.Equal(t, limit, strconv.Itoa(len(got)))
		cursor = next
	}
}

func TestLists_AreWalkedWithoutGapOrRepeat(t *testing.T) {
	t.Parallel()
	w := newWorld(t, harness.Options{})
	for i := range 117 { // three are there
		w.AddContact(t, harness.Code, fmt.Sprintf("Person %d", i), "", "", contact.Membership{Company: w.Acme.Example.ID()})
	}
	for i := range 4 {
		w.operate(t, "POST", root+"/tenants", `{"code":"t`+strconv.Itoa(i)+`","name":"T"}`, 201)
		w.operate(t, "POST", base+"/tags", `{"name":"tag"}`, 201)
		w.operate(t, "POST", base+"/companies", `{"name":"C"}`, 201)
		w.operate(t, "POST", base+"/api-tokens", `{"name":"t","permissions":["audit:read"]}`, 201)
		w.operate(t, "POST", root+"/api-tokens", `{"name":"t","permissions":["audit:read"]}`, 201)
	}
	for path, c := range map[string]struct {
		member string
		count  int
	}{
		base + "/contacts":   {"id", 120},
		root + "/tenants":    {"code", 6},
		base + "/tags":       {"id", 5},
		base + "/companies":  {"id", 7},
		base + "/api-tokens": {"id", 5},
		root + "/api-tokens": {"id", 5},
	} {
		whole := w.walk(t, path, "500", c.member)
		require.Len(t, whole, c.count, path)
		for _, limit := range []string{"1", "7", strconv.Itoa(c.count)} {
			require.Equal(t, whole, w.walk(t, path, limit, c.member), path)
		}
	}
	require.Len(t, items(t, w.operate(t, "GET", base+"/contacts", "", 200).Body), 50)
	events := w.walk(t, base+"/audit-events", "500", "id")
	require.Greater(t, len(events), 120)
	require.Equal(t, events, w.walk(t, base+"/audit-events", "9", "id"))
}

func TestLists_RefuseParametersOutOfForm(t *testing.T) {
	t.Parallel()
	w := newWorld(t, harness.Options{})
	for _, list := range []string{"/contacts", "/companies", "/tags", "/api-tokens", "/audit-events"} {
		for query, pointer := range map[string]string{
			"limit=0": "/limit", "limit=501": "/limit", "limit=-1": "/limit", "limit=x": "/limit", "limit=%2B5": "/limit", "limit=05": "/limit",
			"cursor=x": "/cursor", "cursor=%21%21": "/cursor", "cursor=MQ%3D%3D": "/cursor", "cursor=" + url.QueryEscape("LTE"): "/cursor",
		} {
			_, pointers := refused(t, w.operate(t, "GET", base+list+"?"+query, "", http.StatusUnprocessableEntity))
			require.Equal(t, []string{pointer}, pointers, list+query)
		}
		refused(t, w.operate(t, "GET", base+list+"?limit=1&limit=2", "", http.StatusBadRequest))
		w.operate(t, "GET", base+list+"?limit=500&unknown=1", "", 200)
	}
	_, pointers := refused(t, w.operate(t, "GET", base+"/contacts?limit=0&cursor=x&email=x&q="+url.QueryEscape(string(make([]byte, 0)))+"a", "", 422))
	require.Equal(t, []string{"/limit", "/cursor", "/email"}, pointers)
}

func TestCompanies_SayTheTenantsCurrencyForWantOfTheirOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, harness.Options{})
	require.NoError(t, w.Store.Companies.Add(t.Context(), fake.Company(t, w.Acme.ID, 777_777)))

	require.Equal(t, "EUR", object(t, w.operate(t, "GET", base+"/companies/777777", "", 200).Body)["currency"])
	listed := items(t, w.operate(t, "GET", base+"/companies", "", 200).Body)
	require.Equal(t, "EUR", listed[len(listed)-1].(map[string]any)["currency"])
}

func TestContacts_AreFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t, harness.Options{})
	find := func(query string) (out []string) {
		for _, item := range items(t, w.operate(t, "GET", base+"/contacts?"+query, "", 200).Body) {
			out = append(out, fmt.Sprint(item.(map[string]any)["firstName"]))
		}
		return out
	}

	require.Equal(t, []string{"Ada"}, find("q=aD"))
	require.Equal(t, []string{"Ada"}, find("q=LOVE"))
	require.Equal(t, []string{"Ada"}, find("q=ada%20l"))
	require.Empty(t, find("q=da"))
	require.Empty(t, find("q=%25"))
	require.Equal(t, []string{"Ada"}, find("email=ADA%40EXAMPLE.COM"))
	require.Empty(t, find("email=nobody%40example.com"))
	require.Len(t, find("q=&email="), 3)
}

func TestAuditEvents_AreFiltered(t *testing.T) {
	t.Parallel()
	w := newWorld(t, harness.Options{})
	token := w.all(t, harness.Code)
	w.Advance(t, 1_000_000_000)
	w.ask(t, "POST", base+"/tags", token, `{"name":"mine"}`, 201)
	newest := items(t, w.operate(t, "GET", base+"/audit-events?limit=1", "", 200).Body)[0].(map[string]any)
	count := func(query url.Values) int {
		return len(items(t, w.operate(t, "GET", base+"/audit-events?"+query.Encode(), "", 200).Body))
	}
	actor, at := newest["actor"].(string), newest["at"].(string)

	require.Equal(t, "tag.created", newest["action"])
	require.Equal(t, "granted", newest["outcome"])
	require.NotEmpty(t, newest["requestId"])
	require.Equal(t, 1, count(url.Values{"actor": {actor}}))
	require.Equal(t, 2, count(url.Values{"action": {"tag.created"}}))
	require.Equal(t, 1, count(url.Values{"action": {"tag.created"}, "actor": {"operator:"}}))
	require.Equal(t, 0, count(url.Values{"action": {"tag.creat"}}))
	require.Equal(t, 1, count(url.Values{"since": {at}}))
	require.Zero(t, count(url.Values{"since": {at}, "until": {at}}))
	require.Equal(t, count(url.Values{})-1, count(url.Values{"until": {at}}))
	for _, name := range []string{"since", "until"} {
		_, pointers := refused(t, w.operate(t, "GET", base+"/audit-events?"+name+"=yesterday", "", 422))
		require.Equal(t, []string{"/" + name}, pointers)
	}
}
