// Package stage puts the use cases of signing in together by hand, over an
// empty SQLite file, with fakes for the clock, hasher, mailer and trail and a
// small cast of tenants and people. It starts no server and knows no dialect;
// what is tested on it is the tester's business.
package stage
