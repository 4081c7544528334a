package wfdb

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/signal"
)

// WriteOptions say how a record is written.
type WriteOptions struct {
	// Name is the record's name: letters, digits, "_" and "-".
	Name string
	// Format is 16 or 212.
	Format int
	// Gain is how many steps of the file make a unit of the signal; 0 takes 200.
	Gain float64
}

// Files are a record as it is written: the bytes of Name.hea, Name.dat and Name.atr, the last
// nil where nothing was marked.
type Files struct{ Header, Data, Annotations []byte }

// Write puts a recording into one signal file. Samples are rounded to whole steps; what is
// not a number, or an infinity, is written as not valid. The error is a *record.InvalidError
// where a signal does not fit: beyond the format's range, of a length of its own, or at a rate
// that is no multiple of the slowest.
func Write(rec *signal.Recording, opt WriteOptions) (*Files, error) {
	if opt.Gain == 0 {
		opt.Gain = defaultGain
	}
	if err := opt.check(); err != nil {
		return nil, err
	}
	w := &writer{rec: rec, opt: opt}
	if err := w.frame(); err != nil {
		return nil, err
	}
	columns := make([][]int32, len(rec.Waveforms))
	for i := range rec.Waveforms {
		var err error
		if columns[i], err = w.digital(i); err != nil {
			return nil, err
		}
	}
	out := &Files{Header: w.header(columns), Data: w.pack(columns)}
	if len(rec.Annotations) > 0 {
		var err error
		if out.Annotations, err = writeAnnotations(rec.Annotations, w.frequency); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (o WriteOptions) check() error {
	for _, c := range o.Name {
		if c != '_' && c != '-' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return invalid("name", "expected letters, digits, _ and -")
		}
	}
	if o.Name == "" || o.Name[0] == '-' || len(o.Name) > 64 {
		return invalid("name", "expected 1 to 64 letters and digits")
	}
	if o.Format != 16 && o.Format != 212 {
		return invalid("format", "expected 16 or 212")
	}
	if abs := math.Abs(o.Gain); !(abs >= 1e-12 && abs <= 1e12) {
		return invalid("gain", "expected a number of a size of 1e-12 to 1e12")
	}
	return nil
}

type writer struct {
	rec       *signal.Recording
	opt       WriteOptions
	frequency float64
	frames    int
	perFrame  []int
}

// frame finds what one frame holds: the slowest signal once, the others as often as they are faster.
func (w *writer) frame() error {
	w.frequency = defaultFrequency
	for i, s := range w.rec.Waveforms {
		if !(s.Rate >= signal.MinRate && s.Rate <= signal.MaxRate) {
			return invalid(fmt.Sprintf("waveforms[%d].rate", i), "expected samples a second")
		}
		if i == 0 || s.Rate < w.frequency {
			w.frequency = s.Rate
		}
	}
	for i, s := range w.rec.Waveforms {
		n := math.Round(s.Rate / w.frequency)
		if n > maxPerFrame || math.Abs(s.Rate/w.frequency-n) > 1e-9*n {
			return invalid(fmt.Sprintf("waveforms[%d].rate", i), "expected a multiple of the slowest signal's rate")
		}
		if i == 0 {
			w.frames = len(s.Samples) / int(n)
		}
		if len(s.Samples) != w.frames*int(n) {
			return invalid(fmt.Sprintf("waveforms[%d].samples", i), "expected all signals to be as long")
		}
		w.perFrame = append(w.perFrame, int(n))
	}
	return nil
}

func (w *writer) digital(i int) ([]int32, error) {
	missing := formats[w.opt.Format].invalid
	out := make([]int32, len(w.rec.Waveforms[i].Samples))
	for n, v := range w.rec.Waveforms[i].Samples {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			out[n] = missing
			continue
		}
		d := math.RoundToEven(v * w.opt.Gain)
		if d <= float64(missing) || d >= -float64(missing) {
			return nil, invalid(fmt.Sprintf("waveforms[%d].samples[%d]", i, n),
				fmt.Sprintf("expected at most %d steps of the format", -missing-1))
		}
		out[n] = int32(d)
	}
	return out, nil
}

func (w *writer) header(columns [][]int32) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %d %s %d", w.opt.Name, len(columns), shortest(w.frequency), w.frames)
	if s := w.rec.Start; s.Precision == record.PrecisionSecond {
		fmt.Fprintf(&b, " %s", s.Time.UTC().Format("15:04:05.000 02/01/2006"))
	}
	b.WriteByte('\n')
	bits := map[int]int{16: 16, 212: 12}[w.opt.Format]
	for i, c := range columns {
		s := &w.rec.Waveforms[i]
		initial := int32(0)
		if len(c) > 0 {
			initial = c[0]
		}
		unit := s.Unit
		if unit == "" {
			unit = "NU"
		}
		fmt.Fprintf(&b, "%s.dat %dx%d %s(0)/%s %d 0 %d %d 0 %s\n", w.opt.Name, w.opt.Format, w.perFrame[i],
			shortest(w.opt.Gain), unit, bits, initial, checksum(c), strings.Join(strings.Fields(s.Label), " "))
	}
	return b.Bytes()
}

func shortest(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

func (w *writer) pack(columns [][]int32) []byte {
	var flat []int32
	for f := range w.frames {
		for i, c := range columns {
			flat = append(flat, c[f*w.perFrame[i]:(f+1)*w.perFrame[i]]...)
		}
	}
	var out []byte
	if w.opt.Format == 16 {
		for _, v := range flat {
			out = binary.LittleEndian.AppendUint16(out, uint16(v))
		}
		return out
	}
	for i := 0; i < len(flat); i += 2 {
		a, b := uint32(flat[i]), uint32(0)
		if i+1 < len(flat) {
			b = uint32(flat[i+1])
		}
		out = append(out, byte(a), byte(a>>8&0x0f|b>>4&0xf0))
		if i+1 < len(flat) {
			out = append(out, byte(b))
		}
	}
	return out
}

// writeAnnotations writes MIT format. Annotations are put in the order of their times; a
// duration is not kept, which the format has no place for.
func writeAnnotations(marks []signal.Annotation, frequency float64) ([]byte, error) {
	numbers := map[string]int{}
	for n, c := range codes {
		if c != "" {
			numbers[c] = n
		}
	}
	marks = slices.Clone(marks)
	slices.SortStableFunc(marks, func(a, b signal.Annotation) int { return cmp.Compare(a.At, b.At) })
	var out []byte
	word := func(code, value int) { out = binary.LittleEndian.AppendUint16(out, uint16(code<<10|value)) }
	before, channel := int64(0), 0
	for i, m := range marks {
		path := fmt.Sprintf("annotations[%d]", i)
		code, known := numbers[m.Code]
		if !known {
			return nil, invalid(path+".code", "expected a code of the MIT format")
		}
		if m.At < 0 || m.Channel > 255 || len(m.Text) > 255 {
			return nil, invalid(path, "expected a time from the start, a channel and a text of at most 255")
		}
		at := int64(math.Round(m.At.Seconds() * frequency))
		interval := at - before
		if interval > math.MaxInt32 {
			return nil, invalid(path+".at", "expected less than 2^31 samples from the annotation before")
		}
		if interval > maxWord {
			word(codeSkip, 0)
			out = binary.LittleEndian.AppendUint16(out, uint16(interval>>16))
			out = binary.LittleEndian.AppendUint16(out, uint16(interval))
			interval = 0
		}
		word(code, int(interval))
		if m.Channel >= 0 && (m.Channel != channel || i == 0) {
			word(codeChan, m.Channel)
			channel = m.Channel
		}
		if m.Text != "" {
			word(codeAux, len(m.Text))
			out = append(out, m.Text...)
			if len(m.Text)%2 == 1 {
				out = append(out, 0)
			}
		}
		before = at
	}
	word(codeNone, 0)
	return out, nil
}
