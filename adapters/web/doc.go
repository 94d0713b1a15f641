// Package web is the HTTP server that the dialects, the admin API and the
// plumbing routes share: framing, routing, limits, the tenant hints of a
// request, strict JSON, CORS, headers, logs and metrics. What a route means
// and what an error looks like belongs to the dialect that mounts it.
//
// A request passes, in this order: the inspector of its connection (framing
// that two parsers could read differently never reaches fasthttp), request id,
// default headers, the method, the path, a context with a deadline, recovery
// from panics, the size its route allows, the handler, and on refusal the
// render of the dialect that owns the path.
package web
