package edf

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/signal"
)

// The marks of a time-stamped annotations list (EDF+ section 2.2.2).
const (
	markDuration = 0x15
	markText     = 0x14
	markEnd      = 0x00
)

func recordPath(i int) string { return fmt.Sprintf("record[%d]", i) }

// annotations reads all lists, and gives the time at which each data record begins, which the
// first list of its first annotations signal tells; nil in plain EDF.
func (r *reader) annotations(rec *signal.Recording) ([]time.Duration, error) {
	var onsets []time.Duration
	first := true
	for s := range r.signals {
		c := &r.signals[s]
		if !c.annotations {
			continue
		}
		for i := range r.records {
			p := &talReader{b: r.field(i, c), path: fmt.Sprintf("%s.%s", recordPath(i), c.path), lim: r.lim, rec: rec}
			onset, timed, err := p.lists(first)
			if err != nil {
				return nil, err
			}
			if !first {
				continue
			}
			if !timed && r.discontinuous {
				return nil, invalid(p.path, "expected an annotation with the time at which the data record begins")
			}
			if timed {
				onsets = append(onsets, onset)
			}
		}
		first = false
	}
	if len(onsets) < r.records {
		onsets = nil
	}
	if len(onsets) > 0 {
		for i := range rec.Annotations {
			rec.Annotations[i].At -= onsets[0]
		}
	}
	return onsets, nil
}

// talReader reads the lists of one signal in one data record.
type talReader struct {
	b    []byte
	at   int
	path string
	lim  Limits
	rec  *signal.Recording
}

func (p *talReader) fail(message string) error {
	return invalid(fmt.Sprintf("%s.byte[%d]", p.path, p.at), "%s", message)
}

// lists reads lists up to the padding. keeping says that the first one keeps the time.
func (p *talReader) lists(keeping bool) (onset time.Duration, timed bool, err error) {
	for p.at < len(p.b) && p.b[p.at] != markEnd {
		at, texts, err := p.list()
		if err != nil {
			return 0, false, err
		}
		if keeping && !timed && texts > 0 {
			onset, timed = at, true
		}
		keeping = false
	}
	return onset, timed, nil
}

// list reads one: "+1.5\x15 2 \x14 text \x14 text \x14 \x00".
func (p *talReader) list() (onset time.Duration, texts int, err error) {
	end := bytes.IndexByte(p.b[p.at:], markEnd)
	if end < 0 {
		return 0, 0, p.fail("expected the list to end with a zero byte")
	}
	list := p.b[p.at : p.at+end]
	head, rest, ok := bytes.Cut(list, []byte{markText})
	if !ok {
		return 0, 0, p.fail("expected byte 20 after the onset")
	}
	stamp, length, hasLength := bytes.Cut(head, []byte{markDuration})
	if onset, ok = seconds(string(stamp), true); !ok {
		return 0, 0, p.fail("expected an onset: +, or -, and seconds")
	}
	var duration time.Duration
	if hasLength {
		if duration, ok = seconds(string(length), false); !ok {
			return 0, 0, p.fail("expected a duration in seconds after byte 21")
		}
	}
	for len(rest) > 0 {
		text, after, ok := bytes.Cut(rest, []byte{markText})
		if !ok {
			return 0, 0, p.fail("expected byte 20 after each text")
		}
		rest = after
		texts++
		if len(text) == 0 {
			continue // a list that keeps the time
		}
		if len(text) > p.lim.TextBytes {
			return 0, 0, &record.LimitError{Path: p.path, What: "bytes in an annotation", Limit: int64(p.lim.TextBytes)}
		}
		if len(p.rec.Annotations) >= p.lim.Annotations {
			return 0, 0, &record.LimitError{Path: p.path, What: "annotations", Limit: int64(p.lim.Annotations)}
		}
		p.rec.Annotations = append(p.rec.Annotations, signal.Annotation{
			At: onset, Duration: duration, Channel: -1, Text: strings.ToValidUTF8(string(text), "\uFFFD"),
		})
	}
	p.at += end + 1
	return onset, texts, nil
}

// seconds reads digits with at most one dot, and with a sign where one is due.
func seconds(s string, signed bool) (time.Duration, bool) {
	digits := s
	if signed {
		if s == "" || s[0] != '+' && s[0] != '-' {
			return 0, false
		}
		digits = s[1:]
	}
	for _, c := range digits {
		if (c < '0' || c > '9') && c != '.' {
			return 0, false
		}
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || math.Abs(v) > maxLength {
		return 0, false
	}
	return time.Duration(math.Round(v * float64(time.Second))), true
}
