package live

import (
	"context"

	"ostiary/app/port"
	"ostiary/domain/tenant"
	"ostiary/domain/user"
)

// Person is the part of Session that may be asked for by itself.
func (l *Live) Person(ctx context.Context, t tenant.ID, id user.ID) (port.Person, error) {
	if err := l.Fresh(); err != nil {
		return port.Person{}, err
	}
	return l.person(ctx, t, id)
}
