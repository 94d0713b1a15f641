// Package mail words, lays out and hands over the mails that Ostiary sends: by
// SMTP, into files, or onto a console. Who is sent what, and whether to try
// again, is decided elsewhere; nothing here stores a link or a code except the
// file kind, which is asked to.
package mail
