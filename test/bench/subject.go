package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"

	"ostiary/test/exchange"
	"ostiary/test/load"
	"ostiary/test/program"
)

// subject is a server that people sign in to, and how it is asked.
type subject struct {
	target

	login   func(person int) exchange.Request
	refresh func(token string) exchange.Request // nil: it has no such thing
	reads   []read
	granted func(body []byte) (access, refresh string, err error)
}

// read is what somebody who has signed in asks.
type read struct {
	name string
	ask  func(access string) exchange.Request
}

// subject is the one that was asked for: the server that a file describes,
// else the built program with as many people in it.
func (p plan) subject(s *scene) subject {
	if p.peer != "" {
		return described(s, p)
	}
	d, us := deployed(s, p)
	folk := contacts(s, d, wide)
	return ourSubject(us, loginOf(folk))
}

func ourSubject(us target, login func(int) exchange.Request) subject {
	return subject{
		target: us, login: login, refresh: program.Refresh, reads: []read{visiting("/scopes"), visiting("/me")},
		granted: func(body []byte) (string, string, error) {
			access, err := member(body, "accessToken")
			if err != nil {
				return "", "", err
			}
			refresh, err := member(body, "refreshToken")
			return access, refresh, err
		},
	}
}

func visiting(path string) read {
	return read{path, func(access string) exchange.Request { return program.Visit(path, program.Granted{Access: access}) }}
}

// signIn signs in one of the people.
func (u subject) signIn(s *scene, person int) (access, refresh string) {
	res, err := expect(s.ctx, u.dial(s), load.Prepare(u.origin, u.login(person)), 200)
	s.must(err)
	access, refresh, err = u.granted(res.Body())
	s.must(err)
	return access, refresh
}

// description is another server in a file. In paths, bodies and headers {n} is
// the number of a person, {access} and {refresh} the tokens that a sign-in gave.
type description struct {
	Origin string        `json:"origin"`
	PID    int           `json:"pid"`    // of the process, for its CPU and memory; 0 when it is not here
	People int           `json:"people"` // who exist, numbered from 0
	Login  asked         `json:"login"`
	Read   asked         `json:"read"`
	Fresh  *asked        `json:"refresh"`
	Tokens describedPair `json:"tokens"`
}

// describedPair names the members of a sign-in's answer, with dots between
// levels.
type describedPair struct {
	Access  string `json:"access"`
	Refresh string `json:"refresh"`
}

type asked struct {
	Method string            `json:"method"`
	Path   string            `json:"path"`
	Body   string            `json:"body"`
	Header map[string]string `json:"header"`
}

func (a asked) with(name, value string) exchange.Request {
	fill := func(text string) string { return strings.ReplaceAll(text, "{"+name+"}", value) }
	r := exchange.Request{Method: a.Method, Path: fill(a.Path), Body: fill(a.Body), Header: map[string]string{}}
	for k, v := range a.Header {
		r.Header[k] = fill(v)
	}
	return r
}

// described reads the file of another server.
func described(s *scene, p plan) subject {
	raw, err := os.ReadFile(p.peer)
	s.must(err)
	var d description
	s.must(json.Unmarshal(raw, &d))
	if d.People < 1 || d.Origin == "" {
		s.Fatal(p.peer, ": origin and people are needed")
	}
	u := subject{
		target: target{origin: d.Origin, pid: d.PID},
		login:  func(n int) exchange.Request { return d.Login.with("n", strconv.Itoa(n%d.People)) },
		reads:  []read{{d.Read.Path, func(access string) exchange.Request { return d.Read.with("access", access) }}},
		granted: func(body []byte) (string, string, error) {
			access, err := member(body, d.Tokens.Access)
			if err != nil || d.Fresh == nil {
				return access, "", err
			}
			refresh, err := member(body, d.Tokens.Refresh)
			return access, refresh, err
		},
	}
	if d.Fresh != nil {
		u.refresh = func(token string) exchange.Request { return d.Fresh.with("refresh", token) }
	}
	return u
}

// member is a text in an object, by the names on the way to it.
func member(body []byte, path string) (string, error) {
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		return "", fmt.Errorf("read %s: %w", path, err)
	}
	for name := range strings.SplitSeq(path, ".") {
		object, _ := v.(map[string]any)
		v = object[name]
	}
	text, ok := v.(string)
	if !ok {
		return "", fmt.Errorf("the answer has no text %s", path)
	}
	return text, nil
}
