package port

import "context"

type requestKey struct{}

// RequestKey returns what RequestOf asks a context for, for contexts that carry
// the id of a request without being wrapped.
func RequestKey() any { return requestKey{} }

// WithRequest returns a context that carries the id of a request. Beside
// deadlines it is the only thing that rides in a context.
func WithRequest(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestKey{}, id)
}

// RequestOf returns the id of the request that ctx belongs to, "" outside of one.
func RequestOf(ctx context.Context) string {
	id, _ := ctx.Value(requestKey{}).(string)
	return id
}
