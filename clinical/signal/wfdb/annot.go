package wfdb

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/signal"
)

// ParseAnnotations reads an annotation file in MIT format (annot(5)). frequency is the
// record's frames a second, for files that do not give their own. Codes are such as "N", "V",
// "+"; a number without a code is "#42". Channels are those filed, -1 where none was.
//
// The error is a *record.InvalidError or a *record.LimitError, with the byte where it stands.
func ParseAnnotations(data []byte, frequency float64, lim Limits) ([]signal.Annotation, []record.Notice, error) {
	if !(frequency >= signal.MinRate && frequency <= signal.MaxRate) {
		return nil, nil, invalid("frequency", fmt.Sprintf("expected samples a second, above 0 and at most %d", signal.MaxRate))
	}
	return parseAnnotations(data, frequency, math.MaxInt, lim.withDefaults())
}

const annotationFile = "annotations"

// annotationReader walks an annotation file. The words that follow an annotation say more of
// it, so it is kept until the next one begins.
type annotationReader struct {
	data      []byte
	at        int
	frequency float64
	channels  int
	lim       Limits
	out       []signal.Annotation
	notices   []record.Notice

	time     int64 // in samples
	channel  int   // of this and the following annotations; -1 until one is filed
	open     bool  // an annotation is under way
	code     int
	aux      string
	custom   map[int]string
	defining bool
}

func parseAnnotations(data []byte, frequency float64, channels int, lim Limits) ([]signal.Annotation, []record.Notice, error) {
	if int64(len(data)) > lim.AnnotationBytes {
		return nil, nil, &record.LimitError{Path: annotationFile, What: "bytes", Limit: lim.AnnotationBytes}
	}
	r := &annotationReader{data: data, frequency: frequency, channels: channels, lim: lim, channel: -1, custom: map[int]string{}}
	for {
		end, err := r.word()
		if err != nil {
			return nil, nil, err
		}
		if end {
			return r.out, r.notices, nil
		}
	}
}

func (r *annotationReader) fail(at int, format string, args ...any) error {
	return invalid(fmt.Sprintf("%s.byte[%d]", annotationFile, at), fmt.Sprintf(format, args...))
}

// word reads one word and what belongs to it.
func (r *annotationReader) word() (end bool, err error) {
	at := r.at
	if at == len(r.data) {
		r.notices = append(r.notices, record.Notice{
			Path: annotationFile, Kind: signal.NoticeTruncated, Message: "the file has no end mark",
		})
		return true, r.close()
	}
	if len(r.data)-at < 2 {
		return false, r.fail(at, "expected two bytes")
	}
	w := binary.LittleEndian.Uint16(r.data[at:])
	r.at += 2
	code, value := int(w>>10), int(w&maxWord)
	if code == codeNone && value == 0 {
		return true, r.close()
	}
	switch code {
	case codeSkip:
		if err := r.close(); err != nil {
			return false, err
		}
		return false, r.skip(at)
	case codeNum, codeSub: // numbers that mean what each database makes of them
	case codeChan:
		r.channel = value
	case codeAux:
		return false, r.note(at, value)
	default:
		if code > maxCode {
			return false, r.fail(at, "expected an annotation code of 0 to %d, or 59 to 63", maxCode)
		}
		if err := r.close(); err != nil {
			return false, err
		}
		r.time += int64(value)
		r.open, r.code = code != codeNone, code
	}
	return false, nil
}

// skip reads an interval of 32 bits in the order of a PDP-11: the high half first.
func (r *annotationReader) skip(at int) error {
	if len(r.data)-r.at < 4 {
		return r.fail(at, "expected four bytes of an interval")
	}
	high, low := binary.LittleEndian.Uint16(r.data[r.at:]), binary.LittleEndian.Uint16(r.data[r.at+2:])
	r.at += 4
	r.time += int64(int32(uint32(high)<<16 | uint32(low)))
	if r.time > maxSample || r.time < -maxSample {
		return r.fail(at, "the annotation's time is out of range")
	}
	return nil
}

// note reads a text; one of odd length is followed by a null.
func (r *annotationReader) note(at, length int) error {
	if len(r.data)-r.at < length {
		return r.fail(at, "expected %d bytes of text, %d are left", length, len(r.data)-r.at)
	}
	text, _, _ := strings.Cut(string(r.data[r.at:r.at+length]), "\x00")
	r.aux = strings.ToValidUTF8(text, "\uFFFD")
	r.at = min(r.at+length+length%2, len(r.data))
	return nil
}

// close ends the annotation under way.
func (r *annotationReader) close() error {
	if !r.open {
		r.aux = ""
		return nil
	}
	r.open = false
	text := r.aux
	r.aux = ""
	if r.code == codeNote && r.time == 0 && r.meta(text) {
		return nil
	}
	if r.time < 0 {
		return r.fail(r.at, "the annotation before this byte is before the record's start")
	}
	if len(r.out) >= r.lim.Annotations {
		return &record.LimitError{Path: annotationFile, What: "annotations", Limit: int64(r.lim.Annotations)}
	}
	at := float64(r.time) / r.frequency * float64(time.Second)
	if at > math.MaxInt64/2 {
		return r.fail(r.at, "the annotation before this byte is more than a century from the record's start")
	}
	a := signal.Annotation{At: time.Duration(math.Round(at)), Channel: r.channel, Code: r.name(), Text: text}
	if a.Channel >= r.channels {
		a.Channel = -1
	}
	r.out = append(r.out, a)
	return nil
}

func (r *annotationReader) name() string {
	if s := r.custom[r.code]; s != "" {
		return s
	}
	if s := codes[r.code]; s != "" {
		return s
	}
	return "#" + strconv.Itoa(r.code)
}

// meta takes in notes that say how the file itself is to be read, which the WFDB library
// writes at time 0: the frequency of its times, and codes of its own.
func (r *annotationReader) meta(text string) bool {
	switch {
	case text == "## annotation type definitions":
		r.defining = true
	case text == "## end of definitions":
		r.defining = false
	case strings.HasPrefix(text, "## time resolution:"):
		f, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimPrefix(text, "## time resolution:")), 64)
		if err == nil && f >= signal.MinRate && f <= signal.MaxRate {
			r.frequency = f
		}
	case r.defining:
		f := strings.Fields(text)
		if len(f) < 2 {
			break
		}
		code, err := strconv.Atoi(f[0])
		if err == nil && code > 0 && code <= maxCode && len(f[1]) <= 16 {
			r.custom[code] = f[1]
		}
	default:
		return false
	}
	return true
}
