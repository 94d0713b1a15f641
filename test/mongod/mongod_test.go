package mongod_test

import (
	"os"
	"testing"

	"ostiary/test/mongod"
)

func TestMain(m *testing.M) { os.Exit(mongod.Main(m)) }
