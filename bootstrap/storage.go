package bootstrap

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"ostiary/adapters/cli"
	"ostiary/adapters/mongo"
	"ostiary/domain/secret"
)

// Engine is a kind of store.
type Engine uint8

// The engines. The zero value is none.
const (
	SQLite Engine = iota + 1
	MongoDB
)

// Storage says where data lives.
type Storage struct {
	Engine Engine
	// Path is the file, on SQLite.
	Path string
	// Address is what the driver gets, on MongoDB; it may hold a password. At is
	// what may be shown of it.
	Address secret.Text
	At      mongo.Address
}

const acceptedStorage = "sqlite:PATH, mongodb://[user:password@]host[,host]/database or mongodb+srv://[user:password@]name/database"

// ParseStorage reports false for anything but acceptedStorage.
func ParseStorage(value string) (Storage, bool) {
	if path, ok := strings.CutPrefix(value, "sqlite:"); ok {
		return Storage{Engine: SQLite, Path: filepath.Clean(path)}, path != "" && !strings.ContainsAny(path, "?#\x00")
	}
	// The driver takes all before the first '@' for a user: an option with one
	// would leave a part of a password as the host that is shown.
	if _, options, _ := strings.Cut(value, "?"); strings.Contains(options, "@") {
		return Storage{}, false
	}
	at, err := mongo.ParseAddress(value)
	if err == nil {
		_, err = mongo.DatabaseOf(value)
	}
	if err != nil {
		return Storage{}, false
	}
	return Storage{Engine: MongoDB, Address: secret.New(value), At: at}, true
}

// String shows no user, no password and no options.
func (s Storage) String() string {
	switch s.Engine {
	case SQLite:
		return "sqlite:" + s.Path
	case MongoDB:
		return s.At.String()
	default:
		return ""
	}
}

// legible is what reads as hosts and a database, and as nothing else.
var legible = regexp.MustCompile(`^[A-Za-z0-9.,:\[\]_-]+(/[A-Za-z0-9._-]*)?$`)

// maskStorage shows what a refused value was. Who writes an address may forget
// or misplace any part of it: its options are never shown, and nothing of it is
// where an '@' or another mark leaves in doubt what is a password.
func maskStorage(value string) string {
	scheme, rest, isAddress := strings.Cut(value, "://")
	if !isAddress {
		return maskPath(value)
	}
	if !slices.Contains([]string{"mongodb", "mongodb+srv"}, scheme) {
		return maskScheme(scheme) + masked
	}
	before, options, _ := strings.Cut(rest, "?")
	user, shown, hasUser := strings.Cut(before, "@")
	if !hasUser {
		user, shown = "", before
	}
	_, err := mongo.ParseAddress("mongodb://" + shown)
	if err != nil || !legible.MatchString(shown) || strings.ContainsAny(user, "/#") || strings.Contains(options, "@") {
		return scheme + "://" + masked
	}
	if hasUser {
		shown = masked + "@" + shown
	}
	return scheme + "://" + shown
}

// maskScheme shows letters alone: a password can hold "://" as well.
func maskScheme(scheme string) string {
	if strings.ContainsFunc(scheme, func(c rune) bool { return c < 'a' || c > 'z' }) {
		return ""
	}
	return scheme + "://"
}

// maskPath shows what was no address: a file, unless it has a mark of one.
func maskPath(value string) string {
	name, path, named := strings.Cut(value, ":")
	if !strings.ContainsAny(value, "@?#&=") && (!named || name == "sqlite") {
		return value
	}
	if named && slices.Contains([]string{"sqlite", "mongodb", "mongodb+srv"}, name) && path != "" {
		return name + ":" + masked
	}
	return masked
}

func (r *reader) storage(s cli.Settings) Storage {
	value := r.secret("OSTIARY_STORAGE", s.Storage, s.StorageFile)
	if value == "" {
		value = "sqlite:./data/ostiary.db"
	}
	out, ok := ParseStorage(value)
	if !ok {
		r.refuse("OSTIARY_STORAGE", maskStorage(value), acceptedStorage)
		return Storage{}
	}
	return out
}

// shardCommands needs no setting but where data lives, and no server.
func shardCommands(s cli.Settings) ([]string, error) {
	r := &reader{}
	storage := r.storage(s)
	if len(r.faults) > 0 {
		return nil, r.faults[0]
	}
	if storage.Engine != MongoDB {
		return nil, cli.Misuse(wrong{name: "OSTIARY_STORAGE", value: storage.String(), accepted: "the address of a MongoDB database: no other store has shards"})
	}
	return mongo.ShardCommands(storage.At.Database), nil
}
