package audit

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bedside-lm/bedside/server/config"
	"github.com/bedside-lm/bedside/server/secret"
)

const (
	minKey       = 32
	maxBatch     = 512  // lines of one write
	checkEvery   = 1000 // lines between checkpoints
	checkAfter   = time.Minute
	keyName      = "audit.key"
	defaultBytes = 64 << 20
)

// Error says that the log cannot be written now. Nobody is answered while that is so.
type Error struct{ cause error }

func (e *Error) Error() string { return "the audit log cannot be written" }
func (e *Error) Unwrap() error { return e.cause }

// Options are what a Log works with.
type Options struct {
	Dir      string
	KeyFile  string // empty: a file in Dir, made with it
	MaxBytes int64  // size at which a new file is begun; 0: 64 MiB
	Version  string // of the program, for the line that opens the log
	Logger   *slog.Logger
	Now      func() time.Time // nil: time.Now

	open func(path string) (file, error) // for tests; nil: the real one
}

// Log is an audit log that is written. It is safe for concurrent use. One process writes a log at a time.
type Log struct {
	key    []byte
	in     chan *entry
	broken atomic.Bool
	closed chan struct{} // when Close was called
	close  sync.Once
	done   chan struct{} // when all is written
	w      *writer
}

// entry is a record on its way to the disk. One without a record asks whether the log can be written at all.
type entry struct {
	record *Record
	result chan error
}

// Open opens the log in a folder, which it makes where there is none. A last line that was cut short is removed, and
// that it was is written down.
func Open(opt Options) (*Log, error) {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.MaxBytes == 0 {
		opt.MaxBytes = defaultBytes
	}
	if opt.open == nil {
		opt.open = openFile
	}
	if err := os.MkdirAll(opt.Dir, 0o700); err != nil {
		return nil, &config.Error{Setting: "audit-dir", Reason: "names a folder that cannot be made"}
	}
	key, err := readKey(opt.Dir, opt.KeyFile)
	if err != nil {
		return nil, err
	}
	w, err := openWriter(&opt, key)
	if err != nil {
		return nil, err
	}
	l := &Log{key: key, in: make(chan *entry, maxBatch), closed: make(chan struct{}), done: make(chan struct{}), w: w}
	go l.run()
	return l, nil
}

func readKey(dir, path string) ([]byte, error) {
	if path == "" {
		path = filepath.Join(dir, keyName)
		if err := secret.Make(path, minKey); err != nil {
			return nil, &config.Error{Setting: "audit-dir", Reason: "names a folder that cannot be written"}
		}
	}
	return ReadKey(path)
}

// ReadKey reads the key of a log.
func ReadKey(path string) ([]byte, error) {
	key, err := secret.Read("audit-key-file", path)
	if err != nil {
		return nil, err
	}
	if len(key) < minKey {
		return nil, &config.Error{Setting: "audit-key-file", Reason: fmt.Sprintf("names a file of fewer than %d bytes", minKey)}
	}
	return key, nil
}

// Key is the log's key, for hashes.
func (l *Log) Key() []byte { return l.key }

// Append writes a record and returns when it is on the disk, or with an *Error. Its Seq, Time and Prev are the log's to
// set. Whatever waits at the same time goes to the disk together. It does not heed a context: what has happened is
// written down even where nobody waits for the answer any more.
func (l *Log) Append(r *Record) error {
	return l.submit(&entry{record: r, result: make(chan error, 1)})
}

// Ready says whether the log could be written last, and tries again where it could not: before work is done that nobody
// will be told of.
func (l *Log) Ready() error {
	if !l.broken.Load() {
		return nil
	}
	return l.submit(&entry{result: make(chan error, 1)})
}

func (l *Log) submit(e *entry) error {
	select {
	case l.in <- e:
	case <-l.closed:
		return &Error{cause: os.ErrClosed}
	}
	select {
	case err := <-e.result:
		return err
	case <-l.done:
		select { // it may have been written with the last ones
		case err := <-e.result:
			return err
		default:
			return &Error{cause: os.ErrClosed}
		}
	}
}

// Close writes what waits, and the line that says that the log ends in order. Records that come later are refused.
func (l *Log) Close() error {
	l.close.Do(func() { close(l.closed) })
	<-l.done
	return l.w.closeErr
}

// run is the one goroutine that writes.
func (l *Log) run() {
	defer close(l.done)
	tick := time.NewTicker(checkAfter)
	defer tick.Stop()
	for {
		select {
		case e := <-l.in:
			l.write(l.batch(e))
		case <-tick.C:
			l.broken.Store(l.w.checkpoint() != nil)
		case <-l.closed:
			for {
				select {
				case e := <-l.in:
					l.write(l.batch(e))
					continue
				default:
				}
				break
			}
			l.w.finish()
			return
		}
	}
}

// batch takes what waits already.
func (l *Log) batch(first *entry) []*entry {
	batch := []*entry{first}
	for len(batch) < maxBatch {
		select {
		case e := <-l.in:
			batch = append(batch, e)
		default:
			return batch
		}
	}
	return batch
}

func (l *Log) write(batch []*entry) {
	var records []*Record
	for _, e := range batch {
		if e.record != nil {
			records = append(records, e.record)
		}
	}
	err := l.w.append(records)
	l.broken.Store(err != nil)
	for _, e := range batch {
		e.result <- err
	}
}
