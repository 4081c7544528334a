// Package wfdb reads and writes records of PhysioNet's WaveForm DataBase: a header, signal
// files and annotations, as the WFDB Applications Guide defines them in header(5), signal(5)
// and annot(5) (https://physionet.org/physiotools/wag/).
//
// Records of one segment and of many are read, of fixed and of variable layout; signal formats
// 8, 16, 24, 32, 61, 80, 160, 212, 310 and 311; annotations in MIT format. Files that are
// named twice, compressed formats (508, 516, 524) and the AHA's annotation format are refused.
//
// A header's comments often hold age, sex, diagnoses and drugs. They are never read.
package wfdb

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"

	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/signal"
)

// Limits bound what is read; more is a *record.LimitError. A field that is zero or less takes
// its default. What a record costs in memory is bounded by Bytes and by eight bytes a sample.
type Limits struct {
	HeaderBytes int64 // of one header; default 1 MiB
	Bytes       int64 // of all files that the header names, together; default 256 MiB
	Signals     int   // default 256
	Samples     int   // of all signals together, gaps included; default 20 million
	Segments    int   // default 10,000
	Annotations int   // default 1 million
	// AnnotationBytes is of the annotation file; default 64 MiB.
	AnnotationBytes int64
	// Violations is how many are collected before the reader gives up; default 20.
	Violations int
	// Notices is how many are kept; a last one says how many more there were. Default 100.
	Notices int
}

func (l Limits) withDefaults() Limits {
	for _, f := range []struct {
		field *int64
		value int64
	}{{&l.HeaderBytes, 1 << 20}, {&l.Bytes, 256 << 20}, {&l.AnnotationBytes, 64 << 20}} {
		if *f.field <= 0 {
			*f.field = f.value
		}
	}
	for _, f := range []struct {
		field *int
		value int
	}{
		{&l.Signals, 256}, {&l.Samples, 20_000_000}, {&l.Segments, 10_000}, {&l.Annotations, 1_000_000},
		{&l.Violations, 20}, {&l.Notices, 100},
	} {
		if *f.field <= 0 {
			*f.field = f.value
		}
	}
	return l
}

// Open opens a file of a record by the name that the header gives, which has no folder in it.
// An error that is fs.ErrNotExist is reported as the header's mistake.
type Open func(name string) (io.ReadCloser, error)

// Read reads a record from its header. open gives the signal files, and the headers of
// segments; it may be nil for a record without signals. annotations are an annotation file's bytes, or nil.
//
// Samples are in the header's physical units: a NaN is a sample that the format marks invalid,
// or one in a gap between segments. The error is a *record.InvalidError, a *record.LimitError,
// or one of open's own, wrapped.
func Read(header []byte, open func(name string) (io.ReadCloser, error), annotations []byte, lim Limits) (*signal.Recording, error) {
	r := &reader{lim: lim.withDefaults(), open: open}
	r.bytesLeft = r.lim.Bytes
	rec, err := r.record(header)
	if err != nil {
		return nil, err
	}
	if annotations != nil {
		marks, notices, err := parseAnnotations(annotations, r.frequency, len(rec.Waveforms), r.lim)
		if err != nil {
			return nil, err
		}
		rec.Annotations = marks
		r.notices = append(r.notices, notices...)
	}
	rec.Notices = r.keptNotices()
	return rec, nil
}

type reader struct {
	lim       Limits
	open      Open
	bytesLeft int64
	frequency float64
	notices   []record.Notice
	more      int
}

func (r *reader) note(path string, kind record.NoticeKind, msg string) {
	if len(r.notices) >= r.lim.Notices {
		r.more++
		return
	}
	r.notices = append(r.notices, record.Notice{Path: path, Kind: kind, Message: msg})
}

func (r *reader) keptNotices() []record.Notice {
	if r.more > 0 {
		r.notices = append(r.notices, record.Notice{
			Path: "record", Kind: record.NoticeMore, Message: fmt.Sprintf("%d more notices left out", r.more),
		})
	}
	return r.notices
}

func (r *reader) record(data []byte) (*signal.Recording, error) {
	h, err := parseHeader("header", data, r.lim)
	if err != nil {
		return nil, err
	}
	r.frequency = h.frequency
	rec := &signal.Recording{Start: h.start}
	if h.timed && !h.start.IsZero() {
		r.note("header", signal.NoticeTimeZone, "the start is filed without a time zone and is taken as UTC")
	}
	if h.segments != nil {
		rec.Waveforms, err = r.segments(h)
	} else {
		rec.Waveforms, err = r.signals("", h)
	}
	return rec, err
}

// signals reads the signals of one segment, or of a record that has no segments. prefix goes
// before the paths of what is wrong.
func (r *reader) signals(prefix string, h *header) ([]signal.Waveform, error) {
	out := make([]signal.Waveform, len(h.signals))
	for first := 0; first < len(h.signals); {
		last := first + 1
		for last < len(h.signals) && h.signals[last].file == h.signals[first].file && h.signals[first].file != noFile {
			last++
		}
		if err := r.group(prefix, h, first, last, out); err != nil {
			return nil, err
		}
		first = last
	}
	return out, nil
}

// group reads the signals that share one file.
func (r *reader) group(prefix string, h *header, first, last int, out []signal.Waveform) error {
	group := h.signals[first:last]
	if group[0].file == noFile {
		out[first] = group[0].waveform(h, gap(int(h.frames)*group[0].perFrame))
		return nil
	}
	perFrame := 0
	for _, s := range group {
		perFrame += s.perFrame
	}
	data, err := r.file(&group[0], h.frames*int64(perFrame))
	if err != nil {
		return err
	}
	path := fmt.Sprintf("%ssignal[%d]", prefix, first)
	raw, err := decode(path, &group[0], data, perFrame, h.frames, r.lim)
	if err != nil {
		return err
	}
	frames := len(raw) / perFrame
	column := 0
	for i := range group {
		s := &group[i]
		values := make([]int32, 0, frames*s.perFrame)
		for f := range frames {
			at := f*perFrame + column
			values = append(values, raw[at:at+s.perFrame]...)
		}
		column += s.perFrame
		if s.format == 8 {
			s.accumulate(values)
		}
		path := fmt.Sprintf("%ssignal[%d]", prefix, first+i)
		if s.hasChecksum && h.frames > 0 && checksum(values) != s.checksum {
			r.note(path, signal.NoticeChecksum, "the samples do not add up to the header's checksum")
		}
		if !s.calibrated {
			r.note(path, signal.NoticeUncalibrated, "no gain is filed; 200 steps a unit are assumed")
		}
		out[first+i] = s.waveform(h, s.physical(values))
		if out[first+i].Unit == "" {
			r.note(path, record.NoticeUnknownUnit, "the unit is not known")
		}
	}
	return nil
}

// file reads what is needed of a signal file: all of it where the number of samples is not known.
func (r *reader) file(s *signalLine, samples int64) ([]byte, error) {
	if r.open == nil {
		return nil, invalid(s.path, "names a signal file, and none was given")
	}
	f, err := r.open(s.file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, invalid(s.path, "names a signal file that is not there")
	}
	if err != nil {
		return nil, fmt.Errorf("opening the signal file of %s: %w", s.path, err)
	}
	defer f.Close()
	want := r.bytesLeft + 1
	if samples > 0 {
		want = min(want, s.offset+formats[s.format].bytes(samples))
	}
	data, err := io.ReadAll(io.LimitReader(f, want))
	if err != nil {
		return nil, fmt.Errorf("reading the signal file of %s: %w", s.path, err)
	}
	return data, r.spend(len(data))
}

// spend counts what was read of all files.
func (r *reader) spend(n int) error {
	if int64(n) > r.bytesLeft {
		return &record.LimitError{Path: "files", What: "bytes", Limit: r.lim.Bytes}
	}
	r.bytesLeft -= int64(n)
	return nil
}

func gap(n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = math.NaN()
	}
	return out
}

// checksum is the 16-bit sum of header(5), of all of a signal's samples.
func checksum(values []int32) int16 {
	sum := int32(0)
	for _, v := range values {
		sum += v // wraps around, which the sum is meant to
	}
	return int16(sum)
}

func invalid(path, msg string) *record.InvalidError {
	return &record.InvalidError{Violations: []record.Violation{{Path: path, Message: msg}}}
}
