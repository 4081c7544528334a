// Package wav describes sound files in RIFF WAVE format (Multimedia Programming Interface and
// Data Specifications 1.0, IBM and Microsoft 1991; WAVE_FORMAT_EXTENSIBLE as of 2001): how
// long, how loud, how much of it is clipped, and at what rate it swells and fades where it does
// so as breathing does.
//
// It recognises no sound: no word, no cough, no wheeze. Chunks that hold titles, names and
// comments are skipped.
package wav

import (
	"fmt"

	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/signal"
	"github.com/bedside-lm/bedside/clinical/terms"
)

// Limits bound what is read; more is a *record.LimitError. A field that is zero or less takes
// its default.
type Limits struct {
	Bytes    int64 // of the file; default 512 MiB. Nothing of it is copied.
	Channels int   // default 64
	Chunks   int   // default 10,000
	Seconds  int   // default a day; the envelope takes 160 bytes a second
}

func (l Limits) withDefaults() Limits {
	if l.Bytes <= 0 {
		l.Bytes = 512 << 20
	}
	for _, f := range []struct {
		field *int
		value int
	}{{&l.Channels, 64}, {&l.Chunks, 10_000}, {&l.Seconds, 24 * 3600}} {
		if *f.field <= 0 {
			*f.field = f.value
		}
	}
	return l
}

// Describer describes WAV files of PCM with 8, 16, 24 or 32 bits, or of floating-point numbers.
// The zero value is ready, with the default limits.
type Describer struct{ Limits Limits }

var _ signal.Describer = Describer{}

// Describe measures the sound. The error is a *record.InvalidError or a *record.LimitError.
func (d Describer) Describe(data []byte, lang terms.Lang) (*signal.Description, error) {
	f, err := readFile(data, d.Limits.withDefaults())
	if err != nil {
		return nil, err
	}
	m := measure(f)
	return describe(f, m, breathe(m.envelope), lang), nil
}

func invalid(path, format string, args ...any) *record.InvalidError {
	return &record.InvalidError{Violations: []record.Violation{{Path: path, Message: fmt.Sprintf(format, args...)}}}
}
