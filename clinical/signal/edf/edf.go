// Package edf reads recordings in the European Data Format: EDF (Kemp et al. 1992,
// doi:10.1016/0013-4694(92)90009-7), EDF+C and EDF+D (Kemp & Olivan 2003,
// doi:10.1016/S1388-2457(03)00123-8; https://www.edfplus.info/specs/), and their 24-bit
// relatives BDF, BDF+C and BDF+D (https://www.biosemi.com/faq/file_format.htm).
//
// The fields that identify the patient, the hospital, the technician and the equipment are
// passed over: of the recording field, only the date is looked at. Annotations may hold what
// a person typed.
package edf

import (
	"fmt"
	"io"

	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/signal"
)

// Limits bound what is read; more is a *record.LimitError. A field that is zero or less takes
// its default. What a recording costs in memory is bounded by Bytes and by eight bytes a sample.
type Limits struct {
	Bytes       int64 // of the file; default 256 MiB
	Signals     int   // default 512
	Samples     int   // of all signals together, gaps included; default 20 million
	Records     int   // data records; default 1 million
	Annotations int   // default 1 million
	TextBytes   int   // of one annotation; default 4096
	// Violations is how many are collected before the reader gives up; default 20.
	Violations int
	// Notices is how many are kept; a last one says how many more there were. Default 100.
	Notices int
}

func (l Limits) withDefaults() Limits {
	if l.Bytes <= 0 {
		l.Bytes = 256 << 20
	}
	for _, f := range []struct {
		field *int
		value int
	}{
		{&l.Signals, 512}, {&l.Samples, 20_000_000}, {&l.Records, 1_000_000}, {&l.Annotations, 1_000_000}, {&l.TextBytes, 4096},
		{&l.Violations, 20}, {&l.Notices, 100},
	} {
		if *f.field <= 0 {
			*f.field = f.value
		}
	}
	return l
}

// Read reads a recording from r, at most lim.Bytes of it. The error is a *record.InvalidError,
// a *record.LimitError, or one of r's own, wrapped.
func Read(r io.Reader, lim Limits) (*signal.Recording, error) {
	lim = lim.withDefaults()
	data, err := io.ReadAll(io.LimitReader(r, lim.Bytes+1))
	if err != nil {
		return nil, fmt.Errorf("reading EDF: %w", err)
	}
	return Parse(data, lim)
}

// Parse reads a recording. Samples are in the header's physical units; a NaN is in a gap
// between the records of a discontinuous recording. The recording starts with its first
// sample, and annotations count from there: one of a negative time was before.
//
// The error is a *record.InvalidError or a *record.LimitError.
func Parse(data []byte, lim Limits) (*signal.Recording, error) {
	lim = lim.withDefaults()
	if int64(len(data)) > lim.Bytes {
		return nil, &record.LimitError{Path: "file", What: "bytes", Limit: lim.Bytes}
	}
	r := &reader{data: data, lim: lim}
	if err := r.header(); err != nil {
		return nil, err
	}
	if err := r.countRecords(); err != nil {
		return nil, err
	}
	rec := &signal.Recording{}
	onsets, err := r.annotations(rec)
	if err != nil {
		return nil, err
	}
	places, err := r.places(onsets)
	if err != nil {
		return nil, err
	}
	rec.Start = r.start
	if len(onsets) > 0 && !rec.Start.IsZero() {
		rec.Start.Time = rec.Start.Time.Add(onsets[0])
	}
	if rec.Waveforms, err = r.waveforms(places, rec.Start); err != nil {
		return nil, err
	}
	if r.more > 0 {
		r.notices = append(r.notices, record.Notice{
			Path: "file", Kind: record.NoticeMore, Message: fmt.Sprintf("%d more notices left out", r.more),
		})
	}
	rec.Notices = r.notices
	return rec, nil
}

type reader struct {
	data []byte
	lim  Limits
	head
	violations []record.Violation
	notices    []record.Notice
	more       int
}

func (r *reader) violate(path, format string, args ...any) {
	if len(r.violations) < r.lim.Violations {
		r.violations = append(r.violations, record.Violation{Path: path, Message: fmt.Sprintf(format, args...)})
	}
}

// failed returns what was found wrong so far.
func (r *reader) failed() error {
	if r.violations == nil {
		return nil
	}
	return &record.InvalidError{Violations: r.violations}
}

func (r *reader) note(path string, kind record.NoticeKind, format string, args ...any) {
	if len(r.notices) >= r.lim.Notices {
		r.more++
		return
	}
	r.notices = append(r.notices, record.Notice{Path: path, Kind: kind, Message: fmt.Sprintf(format, args...)})
}

func invalid(path, format string, args ...any) *record.InvalidError {
	return &record.InvalidError{Violations: []record.Violation{{Path: path, Message: fmt.Sprintf(format, args...)}}}
}
