package wfdb

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/signal"
)

// segments joins the segments of a record. A first segment of no samples is a layout: it
// lists all signals that any segment may hold, and segments are matched to it by the signals'
// descriptions. Without one, all segments hold the same signals in the same order.
func (r *reader) segments(h *header) ([]signal.Waveform, error) {
	lines := h.segments
	var layout *header
	if lines[0].frames == 0 && lines[0].name != noFile {
		var err error
		if layout, err = r.segmentHeader(0, h); err != nil {
			return nil, err
		}
		lines = lines[1:]
	}
	total := int64(0)
	for _, l := range lines {
		total += l.frames
		if total > int64(r.lim.Samples) {
			return nil, &record.LimitError{Path: "header", What: "samples", Limit: int64(r.lim.Samples)}
		}
	}
	if h.frames > 0 && h.frames != total {
		return nil, invalid("header.line[1].samples", fmt.Sprintf("announces %d samples, the segments hold %d", h.frames, total))
	}
	j := &joiner{r: r, whole: h, total: total, byLabel: layout != nil}
	if layout != nil {
		if err := j.begin(layout); err != nil {
			return nil, err
		}
	}
	at := int64(0)
	for i, l := range lines {
		number := i + len(h.segments) - len(lines)
		if l.name == noFile {
			r.note(fmt.Sprintf("segment[%d]", number), signal.NoticeGap, "nothing was recorded; the gap is filled with NaN")
		} else if err := j.add(number, l, at); err != nil {
			return nil, err
		}
		at += l.frames
	}
	return j.out, nil
}

// segmentHeader reads the header of one segment.
func (r *reader) segmentHeader(number int, whole *header) (*header, error) {
	l := whole.segments[number]
	if r.open == nil {
		return nil, invalid(l.path, "names a segment, and no files were given")
	}
	f, err := r.open(l.name + ".hea")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, invalid(l.path, "names a segment whose header is not there")
	}
	if err != nil {
		return nil, fmt.Errorf("opening the header of segment %d: %w", number, err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, min(r.lim.HeaderBytes, r.bytesLeft)+1))
	if err != nil {
		return nil, fmt.Errorf("reading the header of segment %d: %w", number, err)
	}
	if err := r.spend(len(data)); err != nil {
		return nil, err
	}
	root := fmt.Sprintf("segment[%d].header", number)
	h, err := parseHeader(root, data, r.lim)
	if err != nil {
		return nil, err
	}
	if h.segments != nil || h.many {
		return nil, invalid(root, "expected a record of one segment")
	}
	if h.frequency != whole.frequency {
		return nil, invalid(root, "expected the sampling frequency of the whole record")
	}
	return h, nil
}

// joiner lays segments one after another.
type joiner struct {
	r       *reader
	whole   *header
	total   int64 // frames
	byLabel bool
	lines   []signalLine
	out     []signal.Waveform
}

// begin makes room for all samples of all signals.
func (j *joiner) begin(h *header) error {
	perFrame := int64(0)
	for _, s := range h.signals {
		perFrame += int64(s.perFrame)
	}
	if perFrame > 0 && j.total > int64(j.r.lim.Samples)/perFrame {
		return &record.LimitError{Path: "header", What: "samples", Limit: int64(j.r.lim.Samples)}
	}
	j.lines = h.signals
	j.out = make([]signal.Waveform, len(h.signals))
	for i := range h.signals {
		s := &h.signals[i]
		j.out[i] = s.waveform(j.whole, gap(int(j.total)*s.perFrame))
	}
	return nil
}

func (j *joiner) add(number int, l segmentLine, at int64) error {
	h, err := j.r.segmentHeader(number, j.whole)
	if err != nil {
		return err
	}
	path := fmt.Sprintf("segment[%d]", number)
	if h.frames == 0 {
		h.frames = l.frames
	}
	if h.frames != l.frames {
		return invalid(path, fmt.Sprintf("expected %d samples, as the record's header says, got %d", l.frames, h.frames))
	}
	if err := h.checkSamples(path, j.r.lim); err != nil {
		return err
	}
	if h.frames == 0 {
		return nil
	}
	if j.out == nil {
		if err := j.begin(h); err != nil {
			return err
		}
	}
	waves, err := j.r.signals(path+".", h)
	if err != nil {
		return err
	}
	if !j.byLabel && len(waves) != len(j.out) {
		return invalid(path, fmt.Sprintf("expected %d signals, as in the first segment, got %d", len(j.out), len(waves)))
	}
	used := make([]bool, len(j.out))
	for i, w := range waves {
		k := i
		if j.byLabel {
			k = j.find(w.Label, used)
		}
		if k < 0 {
			return invalid(fmt.Sprintf("%s.signal[%d]", path, i), "expected a signal that the layout lists")
		}
		used[k] = true
		if h.signals[i].perFrame != j.lines[k].perFrame || w.Unit != j.out[k].Unit {
			return invalid(fmt.Sprintf("%s.signal[%d]", path, i), "expected the rate and unit that the record began with")
		}
		copy(j.out[k].Samples[int(at)*j.lines[k].perFrame:], w.Samples)
	}
	return nil
}

// find returns the first signal of the layout with a label that is not used yet, or -1.
func (j *joiner) find(label string, used []bool) int {
	for i, s := range j.lines {
		if s.label == label && !used[i] {
			return i
		}
	}
	return -1
}
