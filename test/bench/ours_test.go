package main

import (
	"context"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/test/load"
)

func TestDuring_EndsTheFloodHoweverWorkEnds(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]error{"returns": nil, "panics": io.ErrUnexpectedEOF} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				asked := 0
				flood := []load.Op{func(context.Context) error {
					time.Sleep(10 * time.Millisecond)
					asked++
					return nil
				}}

				err := play(func(s *scene) { s.must(during(s.ctx, flood, func() { s.must(want) }).Err()) })

				require.ErrorIs(t, err, want)
				before := asked
				require.Positive(t, before)
				time.Sleep(time.Minute)
				require.Equal(t, before, asked)
			})
		})
	}
}
