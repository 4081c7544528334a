package wfdb

import (
	"math"
	"strings"

	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/signal"
)

// signalLine is a signal specification line of header(5).
type signalLine struct {
	path        string
	file        string
	format      int
	perFrame    int
	skew        int
	offset      int64
	gain        float64 // steps a unit
	calibrated  bool
	baseline    int32
	unit        string // as filed
	initial     int32
	checksum    int16
	hasChecksum bool
	label       string
}

const (
	defaultGain = 200.0 // header(5): DEFGAIN, for signals without one
	defaultUnit = "mV"
	maxLabel    = 200
)

// signalLines reads the lines and checks that signals of one file stand together and agree.
func (p *headerReader) signalLines(h *header, lines []line) {
	h.signals = make([]signalLine, 0, len(lines))
	seen := map[string]bool{}
	for i, l := range lines {
		s := p.signalLine(l)
		if s.skew > 0 && h.frames > 0 && int64(s.skew) > h.frames {
			p.violate(l.path+".skew", "expected no more than the record's samples")
		}
		if h.frequency*float64(s.perFrame) > signal.MaxRate {
			p.violate(l.path+".format", "expected at most %d samples a second", signal.MaxRate)
		}
		if s.file == noFile { // as in a layout
			h.signals = append(h.signals, s)
			continue
		}
		if i > 0 && h.signals[i-1].file == s.file {
			before := &h.signals[i-1]
			if before.format != s.format {
				p.violate(l.path+".format", "expected the format of the signal before it, which is in the same file")
			}
			s.offset = before.offset
		} else if seen[s.file] {
			p.violate(l.path+".file", "expected signals of one file to stand together")
		}
		seen[s.file] = true
		h.signals = append(h.signals, s)
	}
}

// signalLine reads "file format[xn][:skew][+offset] [gain[(baseline)][/unit]] [resolution]
// [zero] [initial] [checksum] [block] [description]"; each may stand only if the one before it does.
func (p *headerReader) signalLine(l line) signalLine {
	s := signalLine{path: l.path, perFrame: 1, gain: defaultGain, unit: defaultUnit}
	f, rest := fields(l.text, 8)
	if len(f) < 2 {
		p.violate(l.path, "expected a file name and a format")
		return s
	}
	s.file = f[0]
	if s.file != noFile && !plainName(s.file) {
		p.violate(l.path+".file", "expected a file name without a folder")
	}
	p.formatField(&s, f[1])
	if len(f) > 2 {
		p.gainField(&s, f[2])
	}
	baseline := strings.Contains(strings.Join(f[min(2, len(f)):min(3, len(f))], ""), "(")
	if len(f) > 3 {
		p.integer(l.path+".resolution", f[3], 0, math.MaxInt32)
	}
	zero := int64(0)
	if len(f) > 4 {
		zero = p.integer(l.path+".zero", f[4], math.MinInt32, math.MaxInt32)
	}
	if !baseline {
		s.baseline = int32(zero)
	}
	s.initial = int32(zero)
	if len(f) > 5 {
		s.initial = int32(p.integer(l.path+".initial", f[5], math.MinInt32, math.MaxInt32))
	}
	if len(f) > 6 {
		// Some writers give the sum as an unsigned number.
		s.checksum, s.hasChecksum = int16(p.integer(l.path+".checksum", f[6], math.MinInt16, math.MaxUint16)), true
	}
	if len(f) > 7 {
		p.integer(l.path+".block", f[7], 0, math.MaxInt32)
	}
	s.label = cut(rest, maxLabel)
	return s
}

// fields splits off the first n fields and gives what is left of the line.
func fields(text string, n int) (first []string, rest string) {
	for len(first) < n {
		text = strings.TrimLeft(text, " \t")
		if text == "" {
			return first, ""
		}
		end := strings.IndexAny(text, " \t")
		if end < 0 {
			return append(first, text), ""
		}
		first = append(first, text[:end])
		text = text[end:]
	}
	return first, strings.TrimSpace(text)
}

func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "")
}

// formatField reads "212x2:3+512".
func (p *headerReader) formatField(s *signalLine, text string) {
	path := s.path + ".format"
	text, offset, hasOffset := strings.Cut(text, "+")
	text, skew, hasSkew := strings.Cut(text, ":")
	text, perFrame, hasPerFrame := strings.Cut(text, "x")
	s.format = int(p.integer(path, text, 0, math.MaxInt32))
	if _, known := formats[s.format]; !known && (s.file != noFile || s.format != 0) {
		p.violate(path, "expected format 8, 16, 24, 32, 61, 80, 160, 212, 310 or 311; %d is not read", s.format)
	}
	if hasPerFrame {
		s.perFrame = int(p.integer(path, perFrame, 1, maxPerFrame))
	}
	if hasSkew {
		s.skew = int(p.integer(path, skew, 0, math.MaxInt32))
	}
	if hasOffset {
		s.offset = p.integer(path, offset, 0, math.MaxInt32)
	}
}

// gainField reads "200(1024)/mV".
func (p *headerReader) gainField(s *signalLine, text string) {
	path := s.path + ".gain"
	text, unit, hasUnit := strings.Cut(text, "/")
	if hasUnit && unit != "" {
		s.unit = cut(unit, 32)
	}
	text, baseline, hasBaseline := strings.Cut(text, "(")
	if hasBaseline {
		s.baseline = int32(p.integer(path, strings.TrimSuffix(baseline, ")"), math.MinInt32, math.MaxInt32))
	}
	gain := p.number(path, text)
	if gain != 0 {
		s.gain, s.calibrated = gain, true
	}
	if abs := math.Abs(gain); gain != 0 && (abs < 1e-12 || abs > 1e12) {
		p.violate(path, "expected steps a unit, 0 or of a size of 1e-12 to 1e12")
	}
}

// accumulate turns the differences of format 8 into samples.
func (s *signalLine) accumulate(values []int32) {
	sum := s.initial
	for i, d := range values {
		sum += d
		values[i] = sum
	}
}

// physical gives samples in the signal's unit, moved by its skew.
func (s *signalLine) physical(values []int32) []float64 {
	out := make([]float64, len(values))
	shift := min(s.skew*s.perFrame, len(values))
	missing := formats[s.format].invalid
	for i := range out {
		if i+shift >= len(values) {
			out[i] = math.NaN()
			continue
		}
		v := values[i+shift]
		if v == missing && s.format != 8 {
			out[i] = math.NaN()
			continue
		}
		out[i] = (float64(v) - float64(s.baseline)) / s.gain
	}
	return out
}

func (s *signalLine) waveform(h *header, samples []float64) signal.Waveform {
	unit := signal.UnitCode(s.unit)
	return signal.Waveform{
		Kind: signal.KindOf(s.label, record.Concept{}, unit), Label: s.label, Unit: unit,
		Rate: h.frequency * float64(s.perFrame), Samples: samples, Start: h.start,
	}
}
