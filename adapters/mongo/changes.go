package mongo

import (
	"context"
	"errors"
	"strconv"
	"time"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"
	"go.mongodb.org/mongo-driver/mongo/options"

	"ostiary/app/port"
	"ostiary/domain/tenant"
)

// Changes implements port.Changes. All times are the server's, so that the
// clocks of the processes do not matter.
type Changes struct{ db *DB }

var _ port.Changes = (*Changes)(nil)

// NewChanges returns the changes of db.
func NewChanges(db *DB) *Changes { return &Changes{db: db} }

const (
	// overlap is how long a change is told again and again. It is announced
	// before its effect, and whoever reloads in between reads what was: the
	// last telling must come after the effect, which a step's time bounds, and
	// after the clocks of database servers, routers among them, that differ by
	// half a minute.
	overlap = 45 * time.Second
	// keepChanges is how long a process may stop listening before it must
	// forget all it knows.
	keepChanges = time.Hour
)

type changesDoc struct {
	ID   primitive.ObjectID `bson:"_id"`
	At   time.Time          `bson:"at"`
	List []changeDoc        `bson:"list"`
}

type changeDoc struct {
	T    primitive.Binary `bson:"tenant"`
	Kind string           `bson:"kind"`
	ID   string           `bson:"id"`
}

// announce stores changes that are about to be made. It comes before every
// try of a write.
func (db *DB) announce(ctx context.Context, changes []port.Change) ([]port.Announcement, error) {
	if len(changes) == 0 {
		return nil, nil
	}
	id := primitive.NewObjectID()
	out := make([]port.Announcement, len(changes))
	docs := make([]changeDoc, len(changes))
	for i, c := range changes {
		out[i] = port.Announcement{Change: c, Entry: id.Hex()}
		docs[i] = changeDoc{T: uuid(c.Tenant.Bytes()), Kind: string(c.Kind), ID: c.ID}
	}
	_, err := db.collection(inChanges).update(ctx, bson.D{is("_id", id)},
		append(set(is("list", docs)), is("$currentDate", bson.D{is("at", true)})), options.Update().SetUpsert(true))
	return out, err
}

// tell lets this process know of changes that it made or tried to make.
func (db *DB) tell(changes []port.Announcement) {
	if len(changes) == 0 {
		return
	}
	db.mu.RLock()
	defer db.mu.RUnlock()
	for _, hear := range db.listen {
		hear(changes)
	}
}

// change announces, writes and tells. It tells also when the write failed:
// nobody knows then whether it happened.
func (db *DB) change(ctx context.Context, changes []port.Change, write func(context.Context) error) error {
	announced, err := db.announce(ctx, changes)
	if err != nil {
		return err
	}
	settled := false
	defer func() {
		for i := range announced {
			announced[i].Settled = settled
		}
		db.tell(announced)
	}()
	err = write(ctx)
	settled = err == nil
	return err
}

// Latest implements port.Changes.
func (s *Changes) Latest(ctx context.Context) (out port.Cursor, err error) {
	err = s.db.do(ctx, "find latest change", func(ctx context.Context) error {
		now, err := s.db.serverTime(ctx)
		out = cursor(now)
		return err
	})
	return out, err
}

// clockReading is what the server's clock said, and when by this process's own.
type clockReading struct{ server, own time.Time }

// serverTime asks the server for its time.
func (db *DB) serverTime(ctx context.Context) (time.Time, error) {
	read, err := db.readClock(ctx)
	return read.server, err
}

// readClock asks once more when a connection was lost: the driver repeats no
// command of this kind by itself.
func (db *DB) readClock(ctx context.Context) (clockReading, error) {
	read, err := db.askTime(ctx)
	if err != nil && ctx.Err() == nil {
		read, err = db.askTime(ctx)
	}
	return read, err
}

func (db *DB) askTime(ctx context.Context) (clockReading, error) {
	var hello struct {
		Now time.Time `bson:"localTime"`
	}
	asked := db.clock.ownTime()
	err := db.db.RunCommand(ctx, bson.D{is("hello", 1)}).Decode(&hello)
	if err == nil && hello.Now.IsZero() {
		err = errors.New("mongo: the server does not tell its time")
	}
	if err == nil {
		db.clock.heard(hello.Now, asked)
	}
	return clockReading{server: hello.Now, own: asked.Add(db.clock.ownTime().Sub(asked) / 2)}, err
}

func cursor(t time.Time) port.Cursor { return port.Cursor(strconv.FormatInt(t.UnixMilli(), 10)) }

// Since implements port.Changes.
func (s *Changes) Since(ctx context.Context, after port.Cursor) (out []port.Announcement, next port.Cursor, err error) {
	from, err := strconv.ParseInt(string(after), 10, 64)
	if err != nil {
		return nil, "", port.ErrVersion
	}
	err = s.db.do(ctx, "read changes", func(ctx context.Context) error {
		out = nil
		asked, err := s.db.readClock(ctx)
		if err != nil {
			return err
		}
		now, last := asked.server, time.UnixMilli(from)
		if last.Before(now.Add(-keepChanges / 2)) {
			return port.ErrVersion
		}
		if last.After(now) { // a server whose clock is behind took over
			now = last
		}
		next = cursor(now)
		out, err = s.after(ctx, last.Add(-overlap), asked)
		return err
	})
	if err != nil {
		return nil, "", err
	}
	return out, next, nil
}

// after reads what was announced since the given time of the server, whose
// clock was just read. How long that took is a part of every age.
func (s *Changes) after(ctx context.Context, from time.Time, clock clockReading) (out []port.Announcement, err error) {
	err = s.db.collection(inChanges).each(ctx, bson.D{is("at", bson.D{is("$gte", from)})}, func(raw bson.Raw) error {
		var d changesDoc
		if err := decode(raw, &d); err != nil {
			return err
		}
		for _, c := range d.List {
			out = append(out, port.Announcement{
				Change: port.Change{Tenant: tenant.IDFromBytes(sixteen(c.T)), Kind: port.ChangeKind(c.Kind), ID: c.ID},
				Entry:  d.ID.Hex(), Age: clock.server.Sub(d.At),
			})
		}
		return nil
	}, options.Find().SetSort(bson.D{is("at", 1)}))
	since := s.db.clock.ownTime().Sub(clock.own)
	for i := range out {
		out[i].Age = max(0, out[i].Age+since)
	}
	return out, err
}

// trim removes changes that nobody may ask for any more.
func (s *Changes) trim(ctx context.Context) error {
	return s.db.do(ctx, "trim changes", func(ctx context.Context) error {
		now, err := s.db.serverTime(ctx)
		if err != nil {
			return err
		}
		_, err = s.db.collection(inChanges).removeAll(ctx, bson.D{is("at", bson.D{is("$lt", now.Add(-keepChanges))})})
		return err
	})
}

// OnLocal implements port.Changes. hear runs on the goroutine that wrote, and
// may run on several at once.
func (s *Changes) OnLocal(hear func([]port.Announcement)) {
	s.db.mu.Lock()
	defer s.db.mu.Unlock()
	s.db.listen = append(s.db.listen, hear)
}
