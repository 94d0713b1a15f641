package attack_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/binary"
	"encoding/hex"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"
	"go.mongodb.org/mongo-driver/mongo"
	"go.mongodb.org/mongo-driver/mongo/options"
	_ "modernc.org/sqlite" // to look at the file, and to tamper with it, as no product code would

	"ostiary/test/program"
)

// databaseOf is the file of a deployment on SQLite.
func databaseOf(d *program.Deployment) string { return filepath.Join(d.Dir, "ostiary.db") }

// openFile opens a SQLite file beside the program.
func openFile(t testing.TB, path string, query url.Values) *sql.DB {
	t.Helper()
	at := url.URL{Scheme: "file", Path: path, RawQuery: query.Encode()}
	db, err := sql.Open("sqlite", at.String())
	require.NoError(t, err)
	db.SetMaxOpenConns(1)
	return db
}

// runIn carries one statement out on a file that the program may be using.
func runIn(t testing.TB, path, statement string, args ...any) {
	t.Helper()
	db := openFile(t, path, url.Values{"_pragma": {"busy_timeout(5000)"}})
	_, err := db.ExecContext(t.Context(), statement, args...)
	require.NoError(t, err)
	require.NoError(t, db.Close())
}

// integrity is what SQLite says of a file that nobody writes to.
func integrity(t testing.TB, path string) (verdict string) {
	t.Helper()
	db := openFile(t, path, url.Values{"mode": {"ro"}})
	require.NoError(t, db.QueryRowContext(t.Context(), "PRAGMA integrity_check").Scan(&verdict))
	var dangling int
	require.NoError(t, db.QueryRowContext(t.Context(), "SELECT count(*) FROM pragma_foreign_key_check").Scan(&dangling))
	require.Zero(t, dangling, "rows that refer to nothing")
	require.NoError(t, db.Close())
	return verdict
}

// link is a record's place in the audit trail, as it is stored.
type link struct {
	chain string // tenant and writer, in hex
	seq   int64
	event string // in hex
}

// trail is the audit trail laid bare to somebody who may write to the store
// but does not have the key.
type trail interface {
	// links lists all records, chain by chain.
	links(t testing.TB) []link
	// alter puts somebody else in the place of a record's actor.
	alter(t testing.TB, at link)
	remove(t testing.TB, at link)
	// swap exchanges the contents of two places of a chain.
	swap(t testing.TB, a, b link)
	// drop removes a chain with its signed end.
	drop(t testing.TB, chain string)
	// keep returns what puts everything back as it is now.
	keep(t testing.TB) func()
}

func trailOf(d *program.Deployment) trail {
	if d.On.Name == program.OnSQLite.Name {
		return fileTrail{databaseOf(d)}
	}
	return serverTrail{strings.TrimPrefix(d.Storage[0], "OSTIARY_STORAGE=")}
}

func halves(t testing.TB, chain string) (tenant, writer []byte) {
	t.Helper()
	raw, err := hex.DecodeString(chain)
	require.NoError(t, err)
	return raw[:16], raw[16:]
}

// uuidOf spells an id as the program prints it.
func uuidOf(inHex string) string {
	if inHex == "" {
		return ""
	}
	return strings.Join([]string{inHex[:8], inHex[8:12], inHex[12:16], inHex[16:20], inHex[20:]}, "-")
}

// fileTrail is the trail in a SQLite file.
type fileTrail struct{ path string }

func (f fileTrail) run(t testing.TB, statement string, args ...any) {
	t.Helper()
	runIn(t, f.path, statement, args...)
}

func (f fileTrail) links(t testing.TB) (out []link) {
	t.Helper()
	db := openFile(t, f.path, nil)
	rows, err := db.QueryContext(t.Context(), "SELECT hex(tenant) || hex(writer), seq, hex(id) FROM audit ORDER BY tenant, writer, seq")
	require.NoError(t, err)
	for rows.Next() {
		var l link
		require.NoError(t, rows.Scan(&l.chain, &l.seq, &l.event))
		l.chain, l.event = strings.ToLower(l.chain), strings.ToLower(l.event)
		out = append(out, l)
	}
	require.NoError(t, rows.Err())
	require.NoError(t, rows.Close())
	require.NoError(t, db.Close())
	return out
}

func (f fileTrail) alter(t testing.TB, at link) {
	tenant, writer := halves(t, at.chain)
	f.run(t, "UPDATE audit SET actor = 'user:somebody-else' WHERE tenant = ? AND writer = ? AND seq = ?", tenant, writer, at.seq)
}

func (f fileTrail) remove(t testing.TB, at link) {
	tenant, writer := halves(t, at.chain)
	f.run(t, "DELETE FROM audit WHERE tenant = ? AND writer = ? AND seq = ?", tenant, writer, at.seq)
}

func (f fileTrail) swap(t testing.TB, a, b link) {
	tenant, writer := halves(t, a.chain)
	for _, step := range [][2]int64{{a.seq, -1}, {b.seq, a.seq}, {-1, b.seq}} {
		f.run(t, "UPDATE audit SET seq = ? WHERE tenant = ? AND writer = ? AND seq = ?", step[1], tenant, writer, step[0])
	}
}

func (f fileTrail) drop(t testing.TB, chain string) {
	tenant, writer := halves(t, chain)
	f.run(t, "DELETE FROM audit WHERE tenant = ? AND writer = ?", tenant, writer)
	f.run(t, "DELETE FROM heads WHERE tenant = ? AND writer = ?", tenant, writer)
}

func (f fileTrail) keep(t testing.TB) func() {
	f.run(t, "DROP TABLE IF EXISTS kept_audit")
	f.run(t, "DROP TABLE IF EXISTS kept_heads")
	f.run(t, "CREATE TABLE kept_audit AS SELECT * FROM audit")
	f.run(t, "CREATE TABLE kept_heads AS SELECT * FROM heads")
	return func() {
		for _, table := range []string{"audit", "heads"} {
			f.run(t, "DELETE FROM "+table)
			f.run(t, "INSERT INTO "+table+" SELECT * FROM kept_"+table)
		}
	}
}

// serverTrail is the trail on a MongoDB server.
type serverTrail struct{ uri string }

// with runs f on the database. An _id is tenant, writer and number.
func (s serverTrail) with(t testing.TB, f func(context.Context, *mongo.Database)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), program.Patience)
	defer cancel()
	client, err := mongo.Connect(ctx, options.Client().ApplyURI(s.uri))
	require.NoError(t, err)
	defer func() { require.NoError(t, client.Disconnect(ctx)) }()
	at, err := url.Parse(s.uri)
	require.NoError(t, err)
	f(ctx, client.Database(strings.Trim(at.Path, "/")))
}

func placeOf(t testing.TB, at link) primitive.Binary {
	t.Helper()
	tenant, writer := halves(t, at.chain)
	raw := append(append(bytes.Clone(tenant), writer...), binary.BigEndian.AppendUint64(nil, uint64(at.seq))...) //nolint:gosec // counted from 1
	return primitive.Binary{Data: raw}
}

func (s serverTrail) links(t testing.TB) (out []link) {
	t.Helper()
	s.with(t, func(ctx context.Context, db *mongo.Database) {
		cursor, err := db.Collection("audit").Find(ctx, bson.D{}, options.Find().SetSort(bson.D{{Key: "_id", Value: 1}}))
		require.NoError(t, err)
		var docs []struct {
			ID    primitive.Binary `bson:"_id"`
			Event primitive.Binary `bson:"id"`
		}
		require.NoError(t, cursor.All(ctx, &docs))
		for _, d := range docs {
			require.Len(t, d.ID.Data, 40)
			out = append(out, link{
				chain: hex.EncodeToString(d.ID.Data[:32]), seq: int64(binary.BigEndian.Uint64(d.ID.Data[32:])), //nolint:gosec // counted from 1
				event: hex.EncodeToString(d.Event.Data),
			})
		}
	})
	return out
}

func (s serverTrail) alter(t testing.TB, at link) {
	t.Helper()
	s.with(t, func(ctx context.Context, db *mongo.Database) {
		res, err := db.Collection("audit").UpdateOne(ctx, bson.D{{Key: "_id", Value: placeOf(t, at)}},
			bson.D{{Key: "$set", Value: bson.D{{Key: "actor", Value: "user:somebody-else"}}}})
		require.NoError(t, err)
		require.EqualValues(t, 1, res.ModifiedCount)
	})
}

func (s serverTrail) remove(t testing.TB, at link) {
	t.Helper()
	s.with(t, func(ctx context.Context, db *mongo.Database) {
		res, err := db.Collection("audit").DeleteOne(ctx, bson.D{{Key: "_id", Value: placeOf(t, at)}})
		require.NoError(t, err)
		require.EqualValues(t, 1, res.DeletedCount)
	})
}

func (s serverTrail) swap(t testing.TB, a, b link) {
	t.Helper()
	s.with(t, func(ctx context.Context, db *mongo.Database) {
		read := func(at link) (doc bson.M) {
			require.NoError(t, db.Collection("audit").FindOne(ctx, bson.D{{Key: "_id", Value: placeOf(t, at)}}).Decode(&doc))
			return doc
		}
		first, second := read(a), read(b)
		first["_id"], second["_id"] = second["_id"], first["_id"]
		for _, doc := range []bson.M{first, second} {
			_, err := db.Collection("audit").ReplaceOne(ctx, bson.D{{Key: "_id", Value: doc["_id"]}}, doc)
			require.NoError(t, err)
		}
	})
}

func (s serverTrail) drop(t testing.TB, chain string) {
	t.Helper()
	for _, l := range s.links(t) {
		if l.chain == chain {
			s.remove(t, l)
		}
	}
	s.with(t, func(ctx context.Context, db *mongo.Database) {
		tenant, writer := halves(t, chain)
		res, err := db.Collection("heads").DeleteOne(ctx, bson.D{{Key: "_id", Value: primitive.Binary{Data: append(bytes.Clone(tenant), writer...)}}})
		require.NoError(t, err)
		require.EqualValues(t, 1, res.DeletedCount)
	})
}

func (s serverTrail) keep(t testing.TB) func() {
	t.Helper()
	kept := map[string][]any{}
	s.with(t, func(ctx context.Context, db *mongo.Database) {
		for _, name := range []string{"audit", "heads"} {
			cursor, err := db.Collection(name).Find(ctx, bson.D{})
			require.NoError(t, err)
			var docs []bson.Raw
			require.NoError(t, cursor.All(ctx, &docs))
			for _, d := range docs {
				kept[name] = append(kept[name], d)
			}
		}
	})
	return func() {
		s.with(t, func(ctx context.Context, db *mongo.Database) {
			for name, docs := range kept {
				_, err := db.Collection(name).DeleteMany(ctx, bson.D{})
				require.NoError(t, err)
				_, err = db.Collection(name).InsertMany(ctx, docs)
				require.NoError(t, err)
			}
		})
	}
}
