package tenancy_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/app/port"
	"ostiary/app/tenancy"
	"ostiary/domain/fault"
	"ostiary/domain/tenant"
	"ostiary/test/fake"
	"ostiary/test/stage"
)

// sources are all ways to name a tenant in a request.
var sources = map[string]func(h *tenancy.Hints, of *tenant.Tenant){
	"path":            func(h *tenancy.Hints, of *tenant.Tenant) { h.Path = string(of.Code()) },
	"header":          func(h *tenancy.Hints, of *tenant.Tenant) { h.Header = string(of.Code()) },
	"base host":       func(h *tenancy.Hints, of *tenant.Tenant) { h.Host = string(of.Code()) + "." + stage.BaseDomain },
	"registered host": func(h *tenancy.Hints, of *tenant.Tenant) { h.Host = "portal." + string(of.Code()) + ".example" },
	"body":            func(h *tenancy.Hints, of *tenant.Tenant) { h.Body = string(of.Code()) },
	"credential":      func(h *tenancy.Hints, of *tenant.Tenant) { *h = h.Owned(of.ID()) },
}

// resolving is a stage whose tenants have a host and an origin each, and a
// suspended one beside them.
func resolving(t *testing.T, o stage.Options) (*stage.Stage, *tenant.Tenant) {
	t.Helper()
	s := stage.New(t, o)
	asleep := fake.Tenant(t, "asleep")
	s.Add(t, asleep)
	for _, of := range []*tenant.Tenant{s.Acme, s.Other, asleep} {
		s.EditTenant(t, of, func(d *tenant.Details) {
			d.Hosts = []tenant.Host{tenant.Host("portal." + string(of.Code()) + ".example")}
			d.Settings.Origins = []string{"https://app." + string(of.Code()) + ".example"}
		})
	}
	s.EditTenant(t, asleep, stage.Suspend)
	return s, asleep
}

func TestResolve_EachSourceAlone(t *testing.T) {
	t.Parallel()
	s, _ := resolving(t, stage.Options{Default: "other"})
	for name, set := range sources {
		var h tenancy.Hints
		set(&h, s.Acme)

		ref, err := s.Resolver.Resolve(t.Context(), h)

		require.NoError(t, err, name)
		require.Equal(t, s.Acme.ID(), ref.ID(), name)
		require.Equal(t, "acme", ref.Given, name)
	}
}

func TestResolve_SpellingsOfOneTenant(t *testing.T) {
	t.Parallel()
	s, _ := resolving(t, stage.Options{})
	for _, h := range []tenancy.Hints{
		{Path: "ACME"},
		{Header: "Acme"},
		{Body: "aCME"},
		{Host: "ACME.Portals.Example.COM"},
		{Host: "acme.portals.example.com."}, // a fully qualified name
		{Host: "Portal.Acme.Example"},
		{Path: "acme", Header: "ACME", Body: "Acme", Host: "PORTAL.acme.example"},
	} {
		ref, err := s.Resolver.Resolve(t.Context(), h)

		require.NoError(t, err)
		require.Equal(t, s.Acme.ID(), ref.ID(), h)
		require.Equal(t, "acme", ref.Given, h)
	}
}

func TestResolve_EveryPairOfSourcesMustAgree(t *testing.T) {
	t.Parallel()
	s, _ := resolving(t, stage.Options{Default: "acme"})
	for one, setOne := range sources {
		for two, setTwo := range sources {
			if one == two && one != "credential" || one == "base host" && two == "registered host" || one == "registered host" && two == "base host" {
				continue // a request has one of these
			}
			var same, differ tenancy.Hints
			setOne(&same, s.Acme)
			setTwo(&same, s.Acme)
			setOne(&differ, s.Acme)
			setTwo(&differ, s.Other)

			ref, err := s.Resolver.Resolve(t.Context(), same)
			_, contradiction := s.Resolver.Resolve(t.Context(), differ)

			require.NoError(t, err, "%s and %s", one, two)
			require.Equal(t, s.Acme.ID(), ref.ID(), "%s and %s", one, two)
			require.ErrorIs(t, contradiction, tenancy.ErrContradict, "%s and %s", one, two)
			require.ErrorIs(t, s.Resolver.Consistent(t.Context(), differ), tenancy.ErrContradict, "%s and %s", one, two)
			require.NoError(t, s.Resolver.Consistent(t.Context(), same), "%s and %s", one, two)
		}
	}
}

func TestResolve_MalformedCodes(t *testing.T) {
	t.Parallel()
	s, _ := resolving(t, stage.Options{Default: "acme"})
	for _, h := range []tenancy.Hints{
		{Path: "not a code"},
		{Header: "-acme"},
		{Header: "acme, acme"},
		{Body: "acmé"},
		{Body: "acme\x00"},
		{Host: "two.labels." + stage.BaseDomain},
		{Host: "-acme." + stage.BaseDomain},
		{Host: "." + stage.BaseDomain},
	} {
		_, err := s.Resolver.Resolve(t.Context(), h)

		require.ErrorIs(t, err, tenancy.ErrMalformed, h)
		require.Equal(t, fault.Malformed, fault.KindOf(err))
	}
}

func TestResolve_DefaultCountsOnlyWithoutAnySource(t *testing.T) {
	t.Parallel()
	s, _ := resolving(t, stage.Options{Default: "other"})
	for _, host := range []string{
		"", stage.PublicHost, "ID.example.com", stage.BaseDomain, stage.BaseDomain + ".",
		"192.0.2.7", "::1", "localhost", "nobody.example.org", "not_a_host.example.org",
	} {
		ref, err := s.Resolver.Resolve(t.Context(), tenancy.Hints{Host: host})

		require.NoError(t, err, host)
		require.Equal(t, s.Other.ID(), ref.ID(), host)
		require.Equal(t, "other", ref.Given, host)
	}

	ref, err := s.Resolver.Resolve(t.Context(), tenancy.Hints{Header: "nobody"})

	require.NoError(t, err)
	require.False(t, ref.Known(), "an unknown tenant that was named does not fall back")
	require.Equal(t, "nobody", ref.Given)
}

func TestResolve_NothingSaidAndNoDefault(t *testing.T) {
	t.Parallel()
	s, _ := resolving(t, stage.Options{})
	for _, host := range []string{"", stage.PublicHost, stage.BaseDomain, "192.0.2.7", "nobody.example.org"} {
		_, err := s.Resolver.Resolve(t.Context(), tenancy.Hints{Host: host})

		require.ErrorIs(t, err, tenancy.ErrMissing, host)
		require.NoError(t, s.Resolver.Consistent(t.Context(), tenancy.Hints{Host: host}), "naming nobody is no contradiction")
	}
}

func TestResolve_PublicHostUnderTheBaseDomainNamesNobody(t *testing.T) {
	t.Parallel()
	s, _ := resolving(t, stage.Options{})
	resolver := tenancy.NewResolver(s.Live, "Portals.Example.com", "ACME.portals.example.com", "")

	_, err := resolver.Resolve(t.Context(), tenancy.Hints{Host: "acme.portals.example.com"})
	ref, other := resolver.Resolve(t.Context(), tenancy.Hints{Host: "other.portals.example.com"})

	require.ErrorIs(t, err, tenancy.ErrMissing)
	require.NoError(t, other)
	require.Equal(t, s.Other.ID(), ref.ID())
}

func TestResolve_NoBaseDomainConfigured(t *testing.T) {
	t.Parallel()
	s, _ := resolving(t, stage.Options{})
	resolver := tenancy.NewResolver(s.Live, "", stage.PublicHost, "")

	_, err := resolver.Resolve(t.Context(), tenancy.Hints{Host: "acme.portals.example.com"})

	require.ErrorIs(t, err, tenancy.ErrMissing)
}

func TestResolve_SuspendedIsLikeUnknown(t *testing.T) {
	t.Parallel()
	s, asleep := resolving(t, stage.Options{Default: "acme"})
	for name, set := range sources {
		var h tenancy.Hints
		set(&h, asleep)

		ref, err := s.Resolver.Resolve(t.Context(), h)

		require.NoError(t, err, name)
		require.Equal(t, tenant.Ref{Given: "asleep"}, ref, name)
		require.True(t, ref.ID().IsZero(), name)
	}

	ghost, err := s.Resolver.Resolve(t.Context(), tenancy.Hints{Path: "ghost", Header: "GHOST"})

	require.NoError(t, err)
	require.Equal(t, tenant.Ref{Given: "ghost"}, ghost)
}

func TestResolve_SuspensionIsSeenAtOnce(t *testing.T) {
	t.Parallel()
	s, _ := resolving(t, stage.Options{})
	before, err := s.Resolver.Resolve(t.Context(), stage.At("acme"))
	require.NoError(t, err)

	s.EditTenant(t, s.Acme, stage.Suspend)
	after, err := s.Resolver.Resolve(t.Context(), stage.At("acme"))

	require.NoError(t, err)
	require.True(t, before.Known())
	require.False(t, after.Known())
}

func TestResolve_CredentialOfAnUnknownTenant(t *testing.T) {
	t.Parallel()
	s, _ := resolving(t, stage.Options{Default: "acme"})
	nobody := tenant.IDFromBytes(fake.UUID())

	ref, err := s.Resolver.Resolve(t.Context(), tenancy.Hints{}.Owned(nobody))
	_, contradiction := s.Resolver.Resolve(t.Context(), stage.At("acme").Owned(nobody))

	require.NoError(t, err)
	require.False(t, ref.Known())
	require.NotEqual(t, "acme", ref.Given, "the default is no stand-in for a tenant that was named")
	require.ErrorIs(t, contradiction, tenancy.ErrContradict)
}

func TestHints_OwnedLeavesTheOriginalAlone(t *testing.T) {
	t.Parallel()
	s, _ := resolving(t, stage.Options{})
	h := tenancy.Hints{Owners: make([]tenant.ID, 0, 4)}

	one, two := h.Owned(s.Acme.ID()), h.Owned(s.Other.ID())

	require.Empty(t, h.Owners)
	require.Equal(t, []tenant.ID{s.Acme.ID()}, one.Owners)
	require.Equal(t, []tenant.ID{s.Other.ID()}, two.Owners)
}

func TestAgree_HoldsEverySourceAgainstTheTenant(t *testing.T) {
	t.Parallel()
	s, _ := resolving(t, stage.Options{Default: "other"})
	require.NoError(t, s.Resolver.Agree(t.Context(), tenancy.Hints{}, s.Acme), "the default is no source")
	for name, set := range sources {
		var right, wrong tenancy.Hints
		set(&right, s.Acme)
		set(&wrong, s.Other)

		require.NoError(t, s.Resolver.Agree(t.Context(), right, s.Acme), name)
		require.ErrorIs(t, s.Resolver.Agree(t.Context(), wrong, s.Acme), tenancy.ErrContradict, name)
	}
	require.ErrorIs(t, s.Resolver.Agree(t.Context(), tenancy.Hints{Path: "a b"}, s.Acme), tenancy.ErrMalformed)
}

func TestResolve_WhatCannotBeLookedUpIsNoUnknownTenant(t *testing.T) {
	t.Parallel()
	s, _ := resolving(t, stage.Options{})
	resolver := tenancy.NewResolver(s.NewLive(t), stage.BaseDomain, stage.PublicHost, "")
	for name, set := range sources {
		var h tenancy.Hints
		set(&h, s.Acme)

		_, err := resolver.Resolve(t.Context(), h)

		require.ErrorIs(t, err, port.ErrUnavailable, name)
	}
}
