// Package credential changes passwords and logins: by the user who proves the
// present password, or by an administrator. It opens no session.
package credential
