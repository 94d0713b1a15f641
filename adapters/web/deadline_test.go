package web_test

import (
	"context"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"ostiary/adapters/web"
)

func TestDeadline_IsTheLibrarysInAllButItsTimer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, end := web.NewDeadline(time.Now, time.Now(), time.Second)
		at, ok := ctx.Deadline()
		require.True(t, ok)
		require.Equal(t, time.Now().Add(time.Second), at)
		require.NoError(t, ctx.Err())
		child, cancel := context.WithTimeout(ctx, time.Hour)
		defer cancel()

		time.Sleep(time.Second - 1)
		synctest.Wait()
		require.NoError(t, ctx.Err())
		require.NoError(t, child.Err())
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		for _, c := range []context.Context{ctx, child} {
			<-c.Done()
			require.ErrorIs(t, c.Err(), context.DeadlineExceeded)
		}
		end()
		require.ErrorIs(t, ctx.Err(), context.DeadlineExceeded, "it stays what it was")
	})
}

func TestDeadline_WithoutAnybodyWaiting(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		late, end := web.NewDeadline(time.Now, time.Now(), time.Second)
		defer end()
		time.Sleep(time.Second)
		require.ErrorIs(t, late.Err(), context.DeadlineExceeded)
		<-late.Done()

		over, end := web.NewDeadline(time.Now, time.Now(), time.Second)
		end()
		require.ErrorIs(t, over.Err(), context.Canceled)
		<-over.Done()
		require.ErrorIs(t, over.Err(), context.Canceled)
	})
}

type key struct{}

// Not parallel: it counts goroutines.
func TestDeadline_EndReleasesWhatFollowsIt(t *testing.T) { //nolint:paralleltest // see above
	ctx, end := web.NewDeadline(time.Now, time.Now(), time.Hour)
	before := runtime.NumGoroutine()
	children := make([]context.Context, 1000)
	for i := range children {
		child, cancel := context.WithCancel(context.WithValue(ctx, key{}, i))
		defer cancel()
		children[i] = child
	}
	require.Less(t, runtime.NumGoroutine(), before+500, "no goroutine for each")

	end()

	for _, child := range children {
		<-child.Done()
		require.ErrorIs(t, child.Err(), context.Canceled)
	}
}

func TestContext_CarriesTheRequestIDThatTheAnswerShows(t *testing.T) {
	t.Parallel()
	srv := web.New(web.Config{NewID: func(time.Time) string { return "id-7" }, Now: time.Now, RequestKey: key{}}, zap.NewNop())
	srv.Mount(web.Dialect{Name: "who", Routes: []web.Route{{Method: "GET", Path: "/who", Handler: func(c *web.Call) error {
		child, cancel := context.WithCancel(context.WithoutCancel(c.Context()))
		defer cancel()
		return c.JSON(200, child.Value(key{}))
	}}}})

	got := do(t, listen(t, srv), "GET", "/who", "")

	require.Equal(t, `"id-7"`, got.body)
	require.Equal(t, "id-7", got.header.Get("X-Request-Id"))
}
