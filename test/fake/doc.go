// Package fake holds hand-written stand-ins for the ports that are no store,
// and builders of valid aggregates for tests. It fakes no store: SQLite in a
// temporary file is the test store.
package fake
