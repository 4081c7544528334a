package edf

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/signal"
)

// head is what the header says.
type head struct {
	width         int  // bytes a sample: 2, or 3 in BDF
	plus          bool // EDF+ or BDF+
	discontinuous bool
	start         record.DateTime
	records       int
	recordBytes   int
	duration      time.Duration // of a data record
	seconds       float64
	signals       []channel
}

// channel is one signal's part of the header.
type channel struct {
	path             string
	label, unit      string
	annotations      bool
	physMin, physMax float64
	digMin, digMax   float64
	samples          int // of one data record
	offset           int // bytes from the start of a data record
	beyond           int // samples found beyond the digital limits
}

const (
	fixedBytes   = 256 // of the header's first part, and of each signal's
	maxDuration  = 24 * 3600 * 366
	maxPerRecord = 1 << 24
	maxPhysical  = 1e15 // beyond it, eight characters hold no measurement
)

// header reads and checks the header record. Where it is broken, everything that is wrong is named.
func (r *reader) header() error {
	if len(r.data) < fixedBytes {
		return invalid("header", "expected at least %d bytes, got %d", fixedBytes, len(r.data))
	}
	switch string(r.data[:8]) {
	case "0       ":
		r.width = 2
	case "\xffBIOSEMI":
		r.width = 3
	default:
		return invalid("header.version", `expected "0" and seven spaces, or 255 and "BIOSEMI"`)
	}
	reserved := r.text(192, 44)
	r.plus = strings.HasPrefix(reserved, "EDF+") || strings.HasPrefix(reserved, "BDF+")
	r.discontinuous = r.plus && len(reserved) > 4 && reserved[4] == 'D'
	r.startOf()
	r.records = int(r.integer("header.records", 236, 8, -1, math.MaxInt32))
	r.seconds = r.number("header.recordDuration", 244, 8)
	if r.seconds < 0 || r.seconds > maxDuration {
		r.violate("header.recordDuration", "expected seconds, 0 to a year")
	}
	r.duration = time.Duration(math.Round(r.seconds * float64(time.Second)))
	n := int(r.integer("header.signals", 252, 4, 0, 9999))
	size := int(r.integer("header.bytes", 184, 8, 0, math.MaxInt32))
	if err := r.failed(); err != nil {
		return err
	}
	if n > r.lim.Signals {
		return &record.LimitError{Path: "header.signals", What: "signals", Limit: int64(r.lim.Signals)}
	}
	if size != fixedBytes*(n+1) {
		return invalid("header.bytes", "expected %d bytes for %d signals", fixedBytes*(n+1), n)
	}
	if len(r.data) < size {
		return invalid("header", "expected %d bytes, got %d", size, len(r.data))
	}
	r.signals = make([]channel, n)
	for i := range r.signals {
		r.channel(i, n)
	}
	return r.failed()
}

// text returns a field without its padding. Bytes beyond ASCII, which the format does not
// allow and "µV" is often written with, are taken for Latin-1.
func (r *reader) text(at, width int) string {
	b := r.data[at : at+width]
	runes := make([]rune, 0, width)
	for _, c := range b {
		if c == 0 {
			c = ' '
		}
		if c < ' ' || c == 127 {
			c = '?'
		}
		runes = append(runes, rune(c))
	}
	return strings.TrimSpace(string(runes))
}

func (r *reader) integer(path string, at, width int, least, most int64) int64 {
	v, err := strconv.ParseInt(r.text(at, width), 10, 64)
	if err != nil || v < least || v > most {
		r.violate(path, "expected a whole number of %d to %d at byte %d", least, most, at)
		return least
	}
	return v
}

func (r *reader) number(path string, at, width int) float64 {
	s := r.text(at, width)
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) || strings.ContainsAny(s, "xX_") {
		r.violate(path, "expected a decimal number at byte %d", at)
		return 0
	}
	return v
}

// startOf reads the moment of the start: dd.mm.yy and hh.mm.ss. The two digits of the year are
// those of 1985 to 2084; EDF+ gives the whole year in the recording field ("Startdate
// 02-MAR-2002 ..."), of which nothing else is looked at, or an X where it is not known.
func (r *reader) startOf() {
	day, err := time.Parse("02.01.06", r.text(168, 8))
	if err == nil && day.Year() < 1985 { // time.Parse turns at 1969
		day = day.AddDate(100, 0, 0)
	}
	if f := strings.Fields(r.text(88, 80)); r.plus && len(f) > 1 && f[0] == "Startdate" {
		if f[1] == "X" {
			return
		}
		if whole, bad := time.Parse("02-Jan-2006", f[1]); bad == nil {
			day, err = whole, nil
		}
	}
	if err != nil {
		r.note("header.startDate", signal.NoticeFormat, "expected dd.mm.yy; the start is not known")
		return
	}
	clock, err := time.Parse("15.04.05", r.text(176, 8))
	if err != nil {
		r.note("header.startTime", signal.NoticeFormat, "expected hh.mm.ss; the start is not known")
		return
	}
	r.note("header", signal.NoticeTimeZone, "the start is filed without a time zone and is taken as UTC")
	r.start = record.DateTime{
		Time:      time.Date(day.Year(), day.Month(), day.Day(), clock.Hour(), clock.Minute(), clock.Second(), 0, time.UTC),
		Precision: record.PrecisionSecond,
	}
}

// channel reads signal i of n. Each field stands n times, one after another.
func (r *reader) channel(i, n int) {
	c := &r.signals[i]
	c.path = fmt.Sprintf("signal[%d]", i)
	at := fixedBytes
	next := func(width int) int {
		field := at + i*width
		at += n * width
		return field
	}
	c.label = r.text(next(16), 16)
	next(80) // transducer
	c.unit = r.text(next(8), 8)
	c.annotations = c.label == "EDF Annotations" || c.label == "BDF Annotations"
	physMin, physMax, digMin, digMax := next(8), next(8), next(8), next(8)
	next(80) // filters
	c.samples = int(r.integer(c.path+".samples", next(8), 8, 1, maxPerRecord))
	c.offset = r.recordBytes
	r.recordBytes += c.samples * r.width
	if c.annotations {
		return // whose scale says nothing
	}
	c.physMin, c.physMax = r.number(c.path+".physicalMinimum", physMin, 8), r.number(c.path+".physicalMaximum", physMax, 8)
	half := int64(1) << (8*r.width - 1)
	c.digMin = float64(r.integer(c.path+".digitalMinimum", digMin, 8, -half, half-1))
	c.digMax = float64(r.integer(c.path+".digitalMaximum", digMax, 8, -half, half-1))
	if c.digMax <= c.digMin {
		r.violate(c.path+".digitalMaximum", "expected more than the digital minimum")
	}
	if math.Abs(c.physMin) > maxPhysical || math.Abs(c.physMax) > maxPhysical {
		r.violate(c.path+".physicalMaximum", "expected limits of a size of at most %g", maxPhysical)
	}
	if c.physMax == c.physMin {
		r.violate(c.path+".physicalMaximum", "expected other than the physical minimum")
	}
	if r.seconds == 0 {
		r.violate("header.recordDuration", "expected above 0 in a file with signals")
	} else if rate := float64(c.samples) / r.seconds; !(rate >= signal.MinRate && rate <= signal.MaxRate) {
		r.violate(c.path+".samples", "expected at most %d samples a second, and one a day", signal.MaxRate)
	}
}
