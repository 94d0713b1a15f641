package signin_test

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/app/signin"
	"ostiary/app/tenancy"
	"ostiary/domain/outbox"
	"ostiary/domain/session"
	"ostiary/domain/user"
	"ostiary/test/fake"
	"ostiary/test/stage"
)

func codeFor(t *testing.T, mail outbox.Mail, b session.Binding) signin.CodeInput {
	t.Helper()
	return signin.CodeInput{
		Hints: stage.At("acme"), Email: fake.Address(t, stage.Mail), Code: mail.Code.Reveal(), Binding: b.Text(),
	}
}

// wrong is a code that is not the mailed one.
func wrong(code string) string {
	if code[0] == 'Z' {
		return "Y" + code[1:]
	}
	return "Z" + code[1:]
}

func TestCode_SignsInWithTheBindingOfItsRequest(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	mail, binding := mailed(t, s)
	in := codeFor(t, mail, binding)

	g, err := s.Linked.ValidateCode(t.Context(), in)

	require.NoError(t, err)
	require.Equal(t, []any{"otp"}, claimsOf(t, g)["amr"])
	require.NoError(t, s.Enters(t.Context(), g))
	_, again := s.Linked.ValidateCode(t.Context(), in)
	refuses(t, again)
	_, link := spend(t, s, stage.TokenOf(t, mail))
	refuses(t, link)
}

func TestCode_DiesWithItsLink(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	mail, binding := mailed(t, s)
	_, err := spend(t, s, stage.TokenOf(t, mail))
	require.NoError(t, err)

	_, err = s.Linked.ValidateCode(t.Context(), codeFor(t, mail, binding))

	refuses(t, err)
}

func TestCode_IsReadAsPeopleType(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	mail, binding := mailed(t, s)
	in := codeFor(t, mail, binding)
	in.Code = " " + strings.ToLower(in.Code[:4]) + "-" + strings.NewReplacer("0", "O", "1", "l").Replace(in.Code[4:]) + " "

	_, err := s.Linked.ValidateCode(t.Context(), in)

	require.NoError(t, err)
}

func TestCode_WithoutItsBindingIsWorthNothingAndCostsNothing(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	mail, binding := mailed(t, s)
	in := codeFor(t, mail, binding)
	another := ask(t, s, "nobody@example.com")
	for range 2 * session.CodeTries {
		for _, shown := range []string{"", "junk", another.Text(), session.Binding{}.Text()} {
			in.Binding = shown
			_, err := s.Linked.ValidateCode(t.Context(), in)
			refuses(t, err)
		}
	}
	in.Binding = binding.Text()

	_, err := s.Linked.ValidateCode(t.Context(), in)

	require.NoError(t, err, "who does not know the binding cannot use the tries up")
}

func TestCode_FiveTries(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	mail, binding := mailed(t, s)
	in := codeFor(t, mail, binding)
	right := in.Code
	in.Code = wrong(right)
	for range session.CodeTries - 1 {
		_, err := s.Linked.ValidateCode(t.Context(), in)
		refuses(t, err)
	}
	in.Code = right
	_, err := s.Linked.ValidateCode(t.Context(), in)
	require.NoError(t, err, "right at the fifth try")

	mail, binding = mailed(t, s)
	in = codeFor(t, mail, binding)
	right, in.Code = in.Code, wrong(in.Code)
	for range session.CodeTries {
		_, err := s.Linked.ValidateCode(t.Context(), in)
		refuses(t, err)
	}
	in.Code = right
	_, err = s.Linked.ValidateCode(t.Context(), in)
	refuses(t, err)
	_, err = spend(t, s, stage.TokenOf(t, mail))
	require.NoError(t, err, "the link has 256 bits: guessing its code does not take it away")
}

func TestCode_WhatIsNoCodeCostsNoTry(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	mail, binding := mailed(t, s)
	in := codeFor(t, mail, binding)
	right := in.Code
	for range session.CodeTries {
		for _, code := range []string{"", "1234567", "123456789", "UUUUUUUU", "ÄÄÄÄ", "1234567\x00"} {
			in.Code = code
			_, err := s.Linked.ValidateCode(t.Context(), in)
			refuses(t, err)
		}
	}
	in.Code = right

	_, err := s.Linked.ValidateCode(t.Context(), in)

	require.NoError(t, err)
}

func TestCode_RunsOutLikeItsLink(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	mail, binding := mailed(t, s)
	s.Clock.Advance(linkLasts)

	_, late := s.Linked.ValidateCode(t.Context(), codeFor(t, mail, binding))
	mail, binding = mailed(t, s)
	s.Clock.Advance(linkLasts - time.Second)
	_, good := s.Linked.ValidateCode(t.Context(), codeFor(t, mail, binding))

	refuses(t, late)
	require.NoError(t, good)
}

func TestCode_OfAnotherPersonOrTenant(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	bob := fake.Contact(t, s.First, 9, "bob@example.com")
	s.Add(t, bob, fake.User(bob))
	mail, binding := mailed(t, s)
	in := codeFor(t, mail, binding)

	in.Email = bob.Email()
	_, person := s.Linked.ValidateCode(t.Context(), in)
	in = codeFor(t, mail, binding)
	in.Hints = stage.At("other")
	_, abroad := s.Linked.ValidateCode(t.Context(), in)
	in.Hints = tenancy.Hints{Header: "acme", Body: "other"}
	_, contradiction := s.Linked.ValidateCode(t.Context(), in)
	in.Hints = tenancy.Hints{}
	_, missing := s.Linked.ValidateCode(t.Context(), in)

	refuses(t, person)
	refuses(t, abroad)
	require.ErrorIs(t, contradiction, tenancy.ErrContradict)
	require.ErrorIs(t, missing, tenancy.ErrMissing)
	_, err := s.Linked.ValidateCode(t.Context(), codeFor(t, mail, binding))
	require.NoError(t, err)
}

func TestCode_UnknownAddressCostsTheSameWrite(t *testing.T) {
	t.Parallel()
	links := &minted{}
	s := stage.New(t, stage.Options{Wrap: func(st *stage.Stores) {
		links.Links = st.Links
		st.Links = links
	}})
	mail, binding := mailed(t, s)
	for _, row := range []struct{ code, mail string }{{"acme", stage.Mail}, {"acme", "nobody@example.com"}, {"ghost", stage.Mail}} {
		in := codeFor(t, mail, binding)
		in.Hints, in.Email, in.Code = stage.At(row.code), fake.Address(t, row.mail), wrong(in.Code)
		before := links.codes

		_, err := s.Linked.ValidateCode(t.Context(), in)

		refuses(t, err)
		require.Equal(t, before+1, links.codes, row)
	}
}

func TestCode_ParallelGuessesGainNothing(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	mail, binding := mailed(t, s)
	stage.Together(50, func(int) {
		in := codeFor(t, mail, binding)
		in.Code = wrong(in.Code)
		if _, err := s.Linked.ValidateCode(t.Context(), in); !errors.Is(err, user.ErrBadCredentials) {
			t.Error(err)
		}
	})

	_, err := s.Linked.ValidateCode(t.Context(), codeFor(t, mail, binding))

	refuses(t, err)
}

func TestCode_OneOfManyAtOnceWins(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	mail, binding := mailed(t, s)
	var granted atomic.Int64

	stage.Together(50, func(i int) {
		var err error
		if i%2 == 0 {
			_, err = s.Linked.ValidateCode(t.Context(), codeFor(t, mail, binding))
		} else {
			_, err = spend(t, s, stage.TokenOf(t, mail))
		}
		if err == nil {
			granted.Add(1)
		}
	})

	require.EqualValues(t, 1, granted.Load(), "code and link are one credential")
}
