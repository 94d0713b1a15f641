// Package signin opens, renews and ends sessions: by password, by magic link
// or code, by refresh, by switching company. Passwords are proven by package
// proof and changed by package credential.
package signin
