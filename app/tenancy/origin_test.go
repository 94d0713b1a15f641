package tenancy_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/app/tenancy"
	"ostiary/domain/tenant"
	"ostiary/test/stage"
)

const (
	ofAcme   = "https://app.acme.example"
	ofOther  = "https://app.other.example"
	ofAsleep = "https://app.asleep.example"
)

func TestOriginAllowed_FollowsTheTenantNamed(t *testing.T) {
	t.Parallel()
	s, asleep := resolving(t, stage.Options{})
	for name, set := range sources {
		var h, sleeping tenancy.Hints
		set(&h, s.Acme)
		set(&sleeping, asleep)

		require.True(t, s.Resolver.OriginAllowed(t.Context(), h, ofAcme), name)
		require.False(t, s.Resolver.OriginAllowed(t.Context(), h, ofOther), name)
		require.False(t, s.Resolver.OriginAllowed(t.Context(), h, ofAcme+":8443"), name)
		require.False(t, s.Resolver.OriginAllowed(t.Context(), sleeping, ofAsleep), name)
	}
}

func TestOriginAllowed_UnknownTenantHasNone(t *testing.T) {
	t.Parallel()
	s, _ := resolving(t, stage.Options{Default: "acme"})

	require.False(t, s.Resolver.OriginAllowed(t.Context(), stage.At("ghost"), ofAcme))
	require.False(t, s.Resolver.OriginAllowed(t.Context(), stage.At("no code"), ofAcme))
	require.False(t, s.Resolver.OriginAllowed(t.Context(), tenancy.Hints{Path: "acme", Header: "other"}, ofAcme))
}

func TestOriginAllowed_WithoutATenantAnyActiveOnesOriginWill(t *testing.T) {
	t.Parallel()
	s, _ := resolving(t, stage.Options{Default: "acme"})
	h := tenancy.Hints{Host: stage.PublicHost}

	require.True(t, s.Resolver.OriginAllowed(t.Context(), h, ofAcme))
	require.True(t, s.Resolver.OriginAllowed(t.Context(), h, ofOther))
	require.False(t, s.Resolver.OriginAllowed(t.Context(), h, ofAsleep))
	require.False(t, s.Resolver.OriginAllowed(t.Context(), h, "null"))
	require.False(t, s.Resolver.OriginAllowed(t.Context(), h, ""))
}

func TestOriginAllowed_ChangesAreSeenAtOnce(t *testing.T) {
	t.Parallel()
	s, _ := resolving(t, stage.Options{})
	require.True(t, s.Resolver.OriginAllowed(t.Context(), stage.At("acme"), ofAcme))
	require.True(t, s.Resolver.OriginAllowed(t.Context(), tenancy.Hints{}, ofAcme))

	s.EditTenant(t, s.Acme, func(d *tenant.Details) { d.Settings.Origins = []string{"https://new.acme.example"} })

	require.False(t, s.Resolver.OriginAllowed(t.Context(), stage.At("acme"), ofAcme))
	require.False(t, s.Resolver.OriginAllowed(t.Context(), tenancy.Hints{}, ofAcme))
	require.True(t, s.Resolver.OriginAllowed(t.Context(), tenancy.Hints{}, "https://new.acme.example"))
}

func TestOriginAllowed_WhatCannotBeDecidedIsNotAllowed(t *testing.T) {
	t.Parallel()
	s, _ := resolving(t, stage.Options{})
	resolver := tenancy.NewResolver(s.NewLive(t), stage.BaseDomain, stage.PublicHost, "")

	require.False(t, resolver.OriginAllowed(t.Context(), stage.At("acme"), ofAcme))
	require.False(t, resolver.OriginAllowed(t.Context(), tenancy.Hints{}, ofAcme))
}
