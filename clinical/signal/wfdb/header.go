package wfdb

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/signal"
)

// header is a header file, of a record or of one segment.
type header struct {
	frequency float64 // frames a second
	frames    int64   // 0 where the header does not say
	start     record.DateTime
	timed     bool // a time of day was filed
	signals   []signalLine
	segments  []segmentLine // nil for a record of one segment
	// many says that the record line promises segments, and count how many lines follow it.
	many  bool
	count int
}

// segmentLine is one line of a record with several segments.
type segmentLine struct {
	path   string
	name   string // "~" for a gap
	frames int64
}

const (
	noFile           = "~"   // of a signal or segment that was not recorded
	defaultFrequency = 250.0 // header(5): DEFFREQ
	maxFileName      = 255
	maxPerFrame      = 100_000
)

// headerReader collects what is wrong with a header.
type headerReader struct {
	lim        Limits
	root       string
	violations []record.Violation
}

func (p *headerReader) violate(path, format string, args ...any) {
	if len(p.violations) < p.lim.Violations {
		p.violations = append(p.violations, record.Violation{Path: path, Message: fmt.Sprintf(format, args...)})
	}
}

// line is one line of a header that is no comment.
type line struct {
	path string
	text string
}

func parseHeader(root string, data []byte, lim Limits) (*header, error) {
	if int64(len(data)) > lim.HeaderBytes {
		return nil, &record.LimitError{Path: root, What: "bytes", Limit: lim.HeaderBytes}
	}
	p := &headerReader{lim: lim, root: root}
	lines := p.lines(data)
	if len(lines) == 0 {
		return nil, invalid(root, "has no record line")
	}
	h := p.recordLine(lines[0])
	if p.violations != nil {
		return nil, &record.InvalidError{Violations: p.violations}
	}
	if err := h.checkCounts(root, lim); err != nil {
		return nil, err
	}
	what := "signals"
	if h.many {
		what = "segments"
	}
	if len(lines)-1 < h.count {
		p.violate(lines[0].path, "announces %d %s, %d lines follow", h.count, what, len(lines)-1)
	} else if h.many {
		p.segmentLines(h, lines[1:1+h.count])
	} else {
		p.signalLines(h, lines[1:1+h.count])
	}
	if p.violations != nil {
		return nil, &record.InvalidError{Violations: p.violations}
	}
	return h, h.checkSamples(root, lim)
}

// lines returns what is neither empty nor a comment. Comments may name the patient, so they
// are left behind here.
func (p *headerReader) lines(data []byte) []line {
	var out []line
	number := 0
	for len(data) > 0 {
		text, rest, _ := bytes.Cut(data, []byte{'\n'})
		data = rest
		number++
		text = bytes.TrimSpace(text)
		if len(text) == 0 || text[0] == '#' {
			continue
		}
		if !utf8.Valid(text) {
			text = bytes.ToValidUTF8(text, []byte("?"))
		}
		out = append(out, line{path: fmt.Sprintf("%s.line[%d]", p.root, number), text: string(text)})
		if len(out) > p.lim.Segments+p.lim.Signals+1 {
			break // what is announced is checked against the limits before more is looked at
		}
	}
	return out
}

// recordLine reads "name[/segments] signals [frequency[/counter[(base)]]] [samples] [time] [date]".
func (p *headerReader) recordLine(l line) *header {
	h := &header{frequency: defaultFrequency}
	f := strings.Fields(l.text)
	name, segments, many := strings.Cut(f[0], "/")
	if name == "" {
		p.violate(l.path+".name", "expected the name of a record")
	}
	if len(f) < 2 {
		p.violate(l.path, "expected a name and the number of signals")
		return h
	}
	if len(f) > 6 {
		p.violate(l.path, "expected at most 6 fields, got %d", len(f))
		return h
	}
	signals := p.integer(l.path+".signals", f[1], 0, math.MaxInt32)
	h.count = int(signals)
	if h.many = many; many {
		h.count = int(p.integer(l.path+".segments", segments, 1, math.MaxInt32))
	}
	if len(f) > 2 {
		text, _, _ := strings.Cut(f[2], "/") // the counter's frequency counts nothing that is read
		h.frequency = p.number(l.path+".frequency", text)
		if !(h.frequency >= signal.MinRate && h.frequency <= signal.MaxRate) {
			p.violate(l.path+".frequency", "expected samples a second, above 0 and at most %d", signal.MaxRate)
		}
	}
	if len(f) > 3 {
		h.frames = p.integer(l.path+".samples", f[3], 0, math.MaxInt64/maxPerFrame)
	}
	if len(f) > 4 {
		h.timed = true
		p.startOf(h, l.path, f[4:])
	}
	return h
}

// startOf reads a time "[[hh:]mm:]ss[.fff]" and a date "dd/mm/yyyy". A time without a date is
// no moment: the start stays unknown.
func (p *headerReader) startOf(h *header, path string, f []string) {
	parts := strings.Split(strings.Trim(f[0], "[]"), ":")
	var seconds float64
	for i, part := range parts {
		v := p.number(path+".time", part)
		if most := 60.0; v < 0 || v > 1e6 || i > 0 && v >= most || len(parts) > 3 {
			p.violate(path+".time", "expected hh:mm:ss")
			return
		}
		seconds = seconds*60 + v
	}
	if len(f) < 2 {
		return
	}
	day, err := time.Parse("2/1/2006", f[1])
	if err != nil || seconds >= 24*3600 {
		p.violate(path+".date", "expected dd/mm/yyyy, and a time within a day")
		return
	}
	h.start = record.DateTime{
		Time: day.Add(time.Duration(math.Round(seconds*1e3)) * time.Millisecond), Precision: record.PrecisionSecond,
	}
}

func (p *headerReader) segmentLines(h *header, lines []line) {
	h.segments = make([]segmentLine, 0, len(lines))
	for _, l := range lines {
		f := strings.Fields(l.text)
		if len(f) < 2 {
			p.violate(l.path, "expected a segment's name and its number of samples")
			continue
		}
		s := segmentLine{path: l.path, name: f[0], frames: p.integer(l.path+".samples", f[1], 0, math.MaxInt64/maxPerFrame)}
		if s.name != noFile && !plainName(s.name+".hea") {
			p.violate(l.path+".name", "expected a name without a folder")
		}
		h.segments = append(h.segments, s)
	}
}

func (h *header) checkCounts(root string, lim Limits) error {
	if h.many && h.count > lim.Segments {
		return &record.LimitError{Path: root, What: "segments", Limit: int64(lim.Segments)}
	}
	if !h.many && h.count > lim.Signals {
		return &record.LimitError{Path: root, What: "signals", Limit: int64(lim.Signals)}
	}
	return nil
}

// checkSamples refuses a header that announces more than is read, before anything is allocated.
func (h *header) checkSamples(root string, lim Limits) error {
	total := int64(0)
	for _, s := range h.signals {
		total += int64(s.perFrame)
	}
	if total > 0 && h.frames > int64(lim.Samples)/total {
		return &record.LimitError{Path: root, What: "samples", Limit: int64(lim.Samples)}
	}
	return nil
}

func (p *headerReader) integer(path, text string, least, most int64) int64 {
	v, err := strconv.ParseInt(text, 10, 64)
	if err != nil || v < least || v > most {
		if most == math.MaxInt32 || most > 1<<40 {
			p.violate(path, "expected a whole number of at least %d", least)
		} else {
			p.violate(path, "expected a whole number of %d to %d", least, most)
		}
		return least
	}
	return v
}

func (p *headerReader) number(path, text string) float64 {
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) || strings.ContainsAny(text, "xX_") {
		p.violate(path, "expected a decimal number")
		return 0
	}
	return v
}

// plainName says whether a file's name stays in its folder, on any system.
func plainName(name string) bool {
	if name == "" || len(name) > maxFileName || name[0] == '.' || name[0] == '-' {
		return false
	}
	for _, c := range name {
		if c == '/' || c == '\\' || c == ':' || unicode.IsControl(c) || c == utf8.RuneError {
			return false
		}
	}
	return true
}
