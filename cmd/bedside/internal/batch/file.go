package batch

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"

	"golang.org/x/sys/unix"

	"github.com/bedside-lm/bedside/clinical/fhir"
)

// maxLine is the size of the longest line that is read back: an answer, as large as a client takes, and what stands around it.
const maxLine = 100 << 20

// errForeign says that a line was written by something else.
var errForeign = errors.New("it is no answer that this command wrote")

// RefusedError says why a file is not written to. Nothing in it was changed.
type RefusedError struct {
	Path string
	Line int // 0: not about one line
	Why  string
}

func (e *RefusedError) Error() string {
	where := e.Path
	if e.Line > 0 {
		where = fmt.Sprintf("%s: line %d", e.Path, e.Line)
	}
	return where + ": " + e.Why + "; name another file, or remove this one"
}

// File is the output of a run, which another run may have begun. Others cannot write to it while it is open.
type File struct {
	path  string
	f     *os.File
	whole int64 // bytes of whole lines
	torn  bool  // what follows them is the beginning of a line
}

// Open opens a file, or makes it, for its owner alone to read: it will hold what is said about patients. The error is a
// *RefusedError where the file is someone else's or another run's.
func Open(path string) (*File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	out := &File{path: path, f: f}
	if err := out.begin(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return out, nil
}

func (f *File) begin() error {
	info, err := f.f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return &RefusedError{Path: f.path, Why: "it is no file that a run could go on with"}
	}
	err = unix.Flock(int(f.f.Fd()), unix.LOCK_EX|unix.LOCK_NB) // the process's end gives it back, however it ends
	if errors.Is(err, unix.EWOULDBLOCK) {
		return &RefusedError{Path: f.path, Why: "another run is writing to it"}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", f.path, err)
	}
	if f.whole, err = wholeLines(f.f, info.Size()); err != nil {
		return fmt.Errorf("%s: %w", f.path, err)
	}
	tail := make([]byte, min(info.Size()-f.whole, int64(len(start))))
	if _, err := f.f.ReadAt(tail, f.whole); err != nil {
		return fmt.Errorf("%s: %w", f.path, err)
	}
	f.torn = len(tail) > 0
	if !bytes.HasPrefix([]byte(start), tail) {
		return &RefusedError{Path: f.path, Why: errForeign.Error()}
	}
	return nil
}

// wholeLines is how many bytes lie before the end of the last line that has one.
func wholeLines(r io.ReaderAt, size int64) (int64, error) {
	buffer := make([]byte, 64<<10)
	for end := size; end > 0; {
		from := max(end-int64(len(buffer)), 0)
		part := buffer[:end-from]
		if _, err := r.ReadAt(part, from); err != nil && !errors.Is(err, io.EOF) {
			return 0, err
		}
		if at := bytes.LastIndexByte(part, '\n'); at >= 0 {
			return from + int64(at) + 1, nil
		}
		end = from
	}
	return 0, nil
}

// Entries gives what an earlier run wrote, whole lines alone.
func (f *File) Entries() iter.Seq2[*Entry, error] {
	return func(yield func(*Entry, error) bool) {
		in := fhir.NewLines(io.NewSectionReader(f.f, 0, f.whole), f.path, fhir.Limits{Bytes: maxLine})
		for {
			line, err := in.Next()
			if errors.Is(err, io.EOF) {
				return
			}
			var e *Entry
			if err == nil {
				if e, err = parse(line.Text); err != nil {
					err = &RefusedError{Path: f.path, Line: line.Number, Why: err.Error()}
				}
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

// Write appends a line. The first cuts off what an earlier run left of a line.
func (f *File) Write(line []byte) (int, error) {
	if f.torn {
		if err := f.f.Truncate(f.whole); err != nil {
			return 0, err
		}
		f.torn = false
	}
	n, err := f.f.WriteAt(line, f.whole)
	f.whole += int64(n)
	return n, err
}

// Close makes what was written last, and closes the file.
func (f *File) Close() error { return errors.Join(f.f.Sync(), f.f.Close()) }
