package mongo

import (
	"go.mongodb.org/mongo-driver/bson"

	"ostiary/app/port"
	"ostiary/domain/tenant"
)

// FilterOf is what a section is counted by.
func FilterOf(s port.Section, t tenant.ID) bson.D { return parts[s].whole(t) }
