package audit

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bedside-lm/bedside/server/config"
)

// file is what a log is written to: *os.File, and what fails where a test wants it to.
type file interface {
	io.WriteCloser
	Sync() error
	Truncate(size int64) error
}

func openFile(path string) (file, error) {
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
}

// writer writes the files of a log, from one goroutine.
type writer struct {
	opt  *Options
	key  []byte
	lock *os.File

	number int // of the file that is written
	file   file
	size   int64 // of what is known to be on the disk
	seq    int64 // of the last line
	prev   string
	failed bool // the file may be longer than size
	down   bool // the last thing that was told of it
	// unchecked is how many lines there are since the last checkpoint.
	unchecked int
	closeErr  error
}

// openWriter finds where the log ended, and says that it goes on.
func openWriter(opt *Options, key []byte) (_ *writer, err error) {
	w := &writer{opt: opt, key: key, prev: noLine}
	if w.lock, err = lock(opt.Dir); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = w.release()
		}
	}()
	torn, err := w.findEnd()
	if err != nil {
		return nil, err
	}
	if w.file, err = opt.open(w.path()); err != nil {
		return nil, &config.Error{Setting: "audit-dir", Reason: "names a folder that cannot be written"}
	}
	event := EventStart
	if torn > 0 {
		event, w.failed = EventRepair, true // the piece is cut off before the first write
		opt.Logger.Warn("the audit log's last line was cut short; it was never acknowledged and is removed", "bytes", torn)
	}
	err = w.append([]*Record{{Event: event, Bytes: torn, Version: opt.Version}})
	if err = errors.Join(err, syncFolder(opt.Dir)); err != nil {
		return nil, errors.Join(&config.Error{Setting: "audit-dir", Reason: "names a folder that cannot be written"}, err)
	}
	return w, nil
}

// lock keeps a second process out.
func lock(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, ".lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, &config.Error{Setting: "audit-dir", Reason: "names a folder that cannot be written"}
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, &config.Error{Setting: "audit-dir", Reason: "is written by another process: give each its own folder, or call the server that runs (--addr)"}
	}
	return f, nil
}

func fileName(number int) string { return fmt.Sprintf("audit-%06d.jsonl", number) }

func (w *writer) path() string { return filepath.Join(w.opt.Dir, fileName(w.number)) }

// Files lists a log's files in order.
func Files(dir string) ([]string, error) {
	found, err := filepath.Glob(filepath.Join(escape(dir), "audit-*.jsonl"))
	slices.SortFunc(found, func(a, b string) int {
		if len(a) != len(b) { // numbers may outgrow their zeros
			return len(a) - len(b)
		}
		return strings.Compare(a, b)
	})
	return found, err
}

func escape(dir string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(dir)
}

// findEnd reads where the log ended, and how long a piece of a line is behind that.
func (w *writer) findEnd() (torn int64, err error) {
	files, err := Files(w.opt.Dir)
	if err != nil {
		return 0, err
	}
	w.number = 1
	for i := len(files) - 1; i >= 0; i-- { // the last may hold nothing but a piece
		e, err := endOf(files[i])
		if err != nil {
			return 0, err
		}
		if i == len(files)-1 {
			if _, err := fmt.Sscanf(filepath.Base(files[i]), "audit-%d.jsonl", &w.number); err != nil {
				return 0, &config.Error{Setting: "audit-dir", Reason: "holds files whose names begin like the log's but have no number"}
			}
			torn, w.size = e.torn, e.whole
		}
		if e.seq > 0 {
			w.seq, w.prev = e.seq, e.digest
			return torn, nil
		}
	}
	return torn, nil
}

// append writes records and flushes them, all of them or none.
func (w *writer) append(records []*Record) error {
	if err := w.mend(); err != nil {
		return w.fail(err)
	}
	if len(records) == 0 { // whether it can be written only a line shows
		records = []*Record{{Event: EventCheck}}
	}
	if w.size >= w.opt.MaxBytes {
		if err := w.rotate(); err != nil {
			return w.fail(err)
		}
	}
	if err := w.put(records); err != nil {
		return w.fail(err)
	}
	if w.unchecked >= checkEvery {
		// What was asked for is written; a checkpoint that is not is made up for by the next.
		_ = w.checkpoint()
	}
	return nil
}

// put writes records to the file as it is.
func (w *writer) put(records []*Record) error {
	var data []byte
	seq, prev := w.seq, w.prev
	for _, r := range records {
		seq++
		r.Seq, r.Prev, r.Time = seq, prev, w.opt.Now().UTC()
		l, err := line(r, w.key)
		if err != nil {
			return err
		}
		prev = digest(l)
		data = append(append(data, l...), '\n')
	}
	w.failed = true // until it is known better
	if _, err := w.file.Write(data); err != nil {
		return err
	}
	if err := w.file.Sync(); err != nil {
		return err
	}
	if w.failed = false; w.down {
		w.down = false
		w.opt.Logger.Info("the audit log can be written again")
	}
	w.size += int64(len(data))
	w.seq, w.prev = seq, prev
	w.unchecked += len(records)
	return nil
}

// mend cuts off what a write that failed may have left. All that a failed flush was to write is written again, too.
func (w *writer) mend() error {
	if !w.failed {
		return nil
	}
	if err := w.file.Truncate(w.size); err != nil {
		return err
	}
	w.failed = false
	return nil
}

// rotate goes on in a new file. Its first line is bound to the last of the one before.
func (w *writer) rotate() error {
	if err := w.checkpoint(); err != nil {
		return err
	}
	w.number++
	f, err := w.opt.open(w.path())
	if err != nil {
		w.number--
		return err
	}
	old, oldSize := w.file, w.size
	w.file, w.size = f, 0
	// It may have been begun before, in vain.
	if err = f.Truncate(0); err == nil {
		err = errors.Join(w.put([]*Record{{Event: EventFile, Version: w.opt.Version}}), syncFolder(w.opt.Dir))
	}
	if err != nil && w.size == 0 { // try again from where the old one ended
		w.number--
		err = errors.Join(err, f.Close())
		w.file, w.size, w.failed = old, oldSize, false
		return err
	}
	return errors.Join(err, old.Close())
}

// syncFolder makes a new file's name durable.
func syncFolder(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// checkpoint writes a line that the server's own log quotes, where there is something new since the last.
func (w *writer) checkpoint() error {
	if w.unchecked == 0 && !w.failed {
		return nil
	}
	if err := w.mend(); err != nil {
		return w.fail(err)
	}
	if err := w.put([]*Record{{Event: EventCheck}}); err != nil {
		return w.fail(err)
	}
	w.unchecked = 0
	w.opt.Logger.Info("audit checkpoint", "head", Head{Seq: w.seq, Digest: w.prev}.String())
	return nil
}

// fail tells the operator why. The cause names a file and what the system says of it.
func (w *writer) fail(err error) error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	if !w.down { // once, not for every call that is refused
		w.down = true
		w.opt.Logger.Error("the audit log cannot be written: calls are refused until it can", slog.Any("error", err))
	}
	return &Error{cause: err}
}

// finish ends the log in order.
func (w *writer) finish() {
	err := w.append([]*Record{{Event: EventStop}})
	if err == nil {
		w.opt.Logger.Info("audit log closed", "head", Head{Seq: w.seq, Digest: w.prev}.String(), "time", w.opt.Now().UTC().Format(time.RFC3339))
	}
	w.closeErr = errors.Join(err, w.release())
}

func (w *writer) release() error {
	var errs []error
	if w.file != nil {
		errs = append(errs, w.file.Close())
	}
	return errors.Join(append(errs, w.lock.Close())...)
}
