package edf

import (
	"math"
	"time"

	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/signal"
)

const maxLength = 50 * maxDuration // seconds of a recording

// body is where the data records begin.
func (r *reader) body() int { return fixedBytes * (len(r.signals) + 1) }

// countRecords holds the number of data records against the file's size.
func (r *reader) countRecords() error {
	if r.recordBytes == 0 {
		r.records = 0
		return nil
	}
	there := (len(r.data) - r.body()) / r.recordBytes
	if r.records < 0 {
		r.note("header.records", signal.NoticeFormat, "the number of data records was not filed; all that are there are read")
		r.records = there
	}
	if there < r.records {
		return invalid("header.records", "the header announces %d data records, the file holds %d", r.records, there)
	}
	if r.records > r.lim.Records {
		return &record.LimitError{Path: "header.records", What: "data records", Limit: int64(r.lim.Records)}
	}
	if float64(r.records)*r.seconds > maxLength {
		return &record.LimitError{Path: "header.records", What: "seconds", Limit: maxLength}
	}
	if rest := len(r.data) - r.body() - r.records*r.recordBytes; rest > 0 {
		r.note("file", signal.NoticeFormat, "%d bytes after the last data record are not read", rest)
	}
	return nil
}

// field returns the bytes of a signal in a data record.
func (r *reader) field(record int, c *channel) []byte {
	at := r.body() + record*r.recordBytes + c.offset
	return r.data[at : at+c.samples*r.width]
}

// places gives each data record's start, from the first one's; nil where records follow one another.
func (r *reader) places(onsets []time.Duration) ([]time.Duration, error) {
	if len(onsets) < r.records {
		if r.discontinuous {
			return nil, invalid("signal", "expected a signal of annotations, which tells when each data record begins")
		}
		return nil, nil
	}
	if !r.discontinuous {
		r.checkContinuous(onsets)
		return nil, nil
	}
	out := make([]time.Duration, r.records)
	gaps := 0
	for i := range out {
		out[i] = onsets[i] - onsets[0]
		if i == 0 {
			continue
		}
		// A microsecond is what onsets are rounded to.
		gap := out[i] - out[i-1] - r.duration
		if gap < -time.Microsecond {
			return nil, invalid(recordPath(i), "begins before the data record before it ends")
		}
		if gap > time.Microsecond {
			gaps++
		}
	}
	if gaps > 0 {
		r.note("file", signal.NoticeGap, "the recording has %d gaps; they are filled with NaN", gaps)
	}
	return out, nil
}

// checkContinuous tells where the records of a continuous recording give other times.
func (r *reader) checkContinuous(onsets []time.Duration) {
	moved := 0
	for i, at := range onsets {
		if off := (at - onsets[0]).Seconds() - float64(i)*r.seconds; math.Abs(off) > r.seconds/2 {
			moved++
		}
	}
	if moved > 0 {
		r.note("file", signal.NoticeFormat,
			"%d data records give another time than those of a continuous recording have; they are read as continuous", moved)
	}
}

// waveforms lays out all signals but annotations.
func (r *reader) waveforms(places []time.Duration, start record.DateTime) ([]signal.Waveform, error) {
	total := 0
	lengths := make([]int, len(r.signals))
	for i := range r.signals {
		c := &r.signals[i]
		if c.annotations || r.records == 0 {
			continue
		}
		last := r.at(c, places, r.records-1)
		if last > r.lim.Samples {
			return nil, &record.LimitError{Path: c.path, What: "samples", Limit: int64(r.lim.Samples)}
		}
		lengths[i] = last + c.samples
		if total += lengths[i]; total > r.lim.Samples {
			return nil, &record.LimitError{Path: "file", What: "samples", Limit: int64(r.lim.Samples)}
		}
	}
	var out []signal.Waveform
	for i := range r.signals {
		c := &r.signals[i]
		if c.annotations {
			continue
		}
		unit := signal.UnitCode(c.unit)
		if unit == "" {
			r.note(c.path+".unit", record.NoticeUnknownUnit, "the unit is not known")
		}
		w := signal.Waveform{
			Kind: signal.KindOf(c.label, record.Concept{}, unit), Label: c.label, Unit: unit,
			Rate: float64(c.samples) / r.seconds, Start: start, Samples: r.samples(c, places, lengths[i]),
		}
		if c.beyond > 0 {
			r.note(c.path, signal.NoticeFormat, "%d samples are beyond the digital limits", c.beyond)
		}
		out = append(out, w)
	}
	return out, nil
}

// at is the index of a data record's first sample.
func (r *reader) at(c *channel, places []time.Duration, record int) int {
	if places == nil {
		return record * c.samples
	}
	return int(math.Round(places[record].Seconds() / r.seconds * float64(c.samples)))
}

func (r *reader) samples(c *channel, places []time.Duration, length int) []float64 {
	out := make([]float64, length)
	scale := (c.physMax - c.physMin) / (c.digMax - c.digMin)
	next := 0
	for i := range r.records {
		at := r.at(c, places, i)
		for ; next < at; next++ {
			out[next] = math.NaN()
		}
		b := r.field(i, c)
		for n := range c.samples {
			d := digital(b[n*r.width:], r.width)
			if d < c.digMin || d > c.digMax {
				c.beyond++
			}
			out[at+n] = c.physMin + (d-c.digMin)*scale
		}
		next = at + c.samples
	}
	return out
}

// digital reads a sample: two or three bytes, the lowest first, in two's complement.
func digital(b []byte, width int) float64 {
	if width == 3 {
		return float64(int32(b[0]) | int32(b[1])<<8 | int32(int8(b[2]))<<16)
	}
	return float64(int16(uint16(b[0]) | uint16(b[1])<<8))
}
