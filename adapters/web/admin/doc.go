// Package admin is the API by which the operator and tenant admins keep
// tenants, directories, documents and credentials: JSON in camelCase with
// RFC 9457 problems. It owns routes, wire forms, preconditions, pages and the
// merging of patches. Who may do what, and what a value must be, is decided by
// the use cases and the domain.
package admin
