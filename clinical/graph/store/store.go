// Package store keeps graphs in SQLite, in a file of this machine, or in PostgreSQL. What it has
// acknowledged survives the end of the process, however it comes. Each tenant has a graph of its own.
//
// One set of SQL serves both databases (dialect.go says what differs), and one set of tests.
// Every value reaches SQL as a parameter.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // registers "pgx"
	_ "modernc.org/sqlite"             // registers "sqlite"
)

// Kind classes errors.
type Kind int

// The kinds of error.
const (
	// KindOpen: the database cannot be opened, or is of a newer version than this program.
	KindOpen Kind = iota
	// KindQuery: the query cannot be understood.
	KindQuery
	// KindBound: the query would take more work than it may.
	KindBound
	// KindNotFound: the graph has no such node.
	KindNotFound
	// KindBusy: the database could not be reached, or was too busy; trying again may help.
	KindBusy
)

// Error is the package's error. Neither of its texts holds a value of a graph.
type Error struct {
	Kind   Kind
	Field  string // what of the query, such as "patterns[1].subject"
	Reason string
	cause  error
}

func (e *Error) Error() string {
	if e.Field != "" {
		return e.Field + ": " + e.Reason
	}
	return e.Reason
}

// Unwrap gives the database's own error.
func (e *Error) Unwrap() error { return e.cause }

// Store is a database of graphs. It is safe for concurrent use.
type Store struct {
	db  *sql.DB
	sql statements
}

// connections is how many are open at most. Of SQLite, one writes at a time and the others wait.
const connections = 8

// Open opens the database, a file or a URL of PostgreSQL ("postgres://user:secret@host/db"), and brings its schema up
// to date. A file that is not there is made, for its owner alone.
func Open(ctx context.Context, database string) (*Store, error) {
	d, driver, source := sqlite, "sqlite", ""
	if IsURL(database) {
		d, driver, source = postgres, "pgx", database
	} else {
		if err := makeFile(database); err != nil {
			return nil, &Error{Kind: KindOpen, Reason: "the graph's file cannot be made or opened", cause: err}
		}
		source = fileSource(database)
	}
	db, err := sql.Open(driver, source)
	if err != nil {
		return nil, &Error{Kind: KindOpen, Reason: "the graph's database is not named rightly", cause: errHidden}
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	s := &Store{db: db, sql: d.statements()}
	if err := d.migrate(ctx, db); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return s, nil
}

// errHidden stands for an error whose text may hold the password of a URL.
var errHidden = errors.New("malformed URL")

// IsURL says whether a database is PostgreSQL's.
func IsURL(database string) bool {
	return strings.HasPrefix(database, "postgres://") || strings.HasPrefix(database, "postgresql://")
}

func makeFile(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// fileSource names a file to the driver. Each commit is on the disk before it is acknowledged: the log is written
// ahead, and synchronised every time.
func fileSource(path string) string {
	settings := url.Values{
		"_pragma": {"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)"}, "_txlock": {"immediate"},
	}
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + settings.Encode()
}

// Close closes the database.
func (s *Store) Close() error { return s.db.Close() }

// Ping says whether the database answers.
func (s *Store) Ping(ctx context.Context) error { return failed(ctx, s.db.PingContext(ctx)) }

// failed gives a database's error its kind. A context's end stays what it is.
func failed(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ended := ctx.Err(); ended != nil {
		return ended
	}
	return &Error{Kind: KindBusy, Reason: "the graph's database did not answer", cause: err}
}

// write runs a change as one transaction, again where the database asks for it.
func (s *Store) write(ctx context.Context, change func(*sql.Tx) error) error {
	const attempts = 5
	var err error
	for i := range attempts {
		if err = s.once(ctx, change); err == nil || !retryable(err) || ctx.Err() != nil {
			break
		}
		select { // others that wait for the same rows go on meanwhile
		case <-time.After(time.Duration(10<<i) * time.Millisecond):
		case <-ctx.Done():
		}
	}
	return failed(ctx, err)
}

func (s *Store) once(ctx context.Context, change func(*sql.Tx) error) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := change(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

// query runs a query and reads its rows.
func query[T any](ctx context.Context, s *Store, text string, read func(*sql.Rows) (T, error), args ...any) ([]T, error) {
	rows, err := s.db.QueryContext(ctx, text, args...)
	if err != nil {
		return nil, failed(ctx, err)
	}
	defer rows.Close()
	var out []T
	for rows.Next() {
		v, err := read(rows)
		if err != nil {
			return nil, failed(ctx, err)
		}
		out = append(out, v)
	}
	return out, failed(ctx, rows.Err())
}

func bound(field string, limit int, what string) error {
	return &Error{Kind: KindBound, Field: field, Reason: fmt.Sprintf("takes more than %d %s: narrow it", limit, what)}
}
