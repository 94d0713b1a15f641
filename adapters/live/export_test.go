package live

import (
	"context"

	"ostiary/app/port"
	"ostiary/domain/session"
	"ostiary/domain/tenant"
	"ostiary/domain/user"
)

// Standing is Live's at the time of its own clock.
func Standing(ctx context.Context, l *Live, t tenant.ID, id session.ID) (*port.Standing, error) {
	return l.Standing(ctx, t, id, l.stores.Clock.Now())
}

// Person is the part of Standing that may be asked for by itself.
func (l *Live) Person(ctx context.Context, t tenant.ID, id user.ID) (port.Person, error) {
	if err := l.Fresh(); err != nil {
		return port.Person{}, err
	}
	return l.person(ctx, t, id)
}
