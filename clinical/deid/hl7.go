package deid

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/bedside-lm/bedside/clinical/record"
)

// HL7v2 takes the identifiers out of HL7 v2 messages, one or many. Segments may end in CR, LF or both; delimiters are those of each
// MSH. All else stays byte for byte. Errors are those of Text.
func HL7v2(doc string, opt Options) (*Result, error) {
	lim := opt.Limits.withDefaults()
	if err := readable(doc, "message", lim.Bytes); err != nil {
		return nil, err
	}
	j, err := newJob(opt)
	if err != nil {
		return nil, err
	}
	h := &hl7Reader{job: j, doc: doc}
	if err := h.segments(); err != nil {
		return nil, err
	}
	h.collect()
	for i := range h.list {
		h.segment(&h.list[i])
	}
	if h.err != nil {
		return nil, h.err
	}
	return j.done(doc, opt.Seal)
}

type hl7Reader struct {
	*job
	doc    string
	list   []segment
	latest time.Time
	err    error
}

// delimiters are those of a message: field, component, repetition, escape, subcomponent.
type delimiters [5]byte

// segment is one line, by the places of its fields.
type segment struct {
	name   string
	nth    int // of its kind in the message, from 1
	delim  delimiters
	fields [][2]int // fields[0] is the name
}

var segmentName = regexp.MustCompile(`^[A-Z][A-Z0-9]{2}$`)

func (h *hl7Reader) segments() error {
	delim := delimiters{'|', '^', '~', '\\', '&'}
	count := map[string]int{}
	at, started := 0, false
	for at < len(h.doc) {
		end := at + strings.IndexAny(h.doc[at:]+"\r", "\r\n\x0b\x1c")
		line := h.doc[at:end]
		start := at + len(line) - len(strings.TrimLeft(line, " \ufeff"))
		line = h.doc[start:end]
		at = end + 1
		if line == "" {
			continue
		}
		if len(line) >= 8 && (strings.HasPrefix(line, "MSH") || strings.HasPrefix(line, "FHS") || strings.HasPrefix(line, "BHS")) {
			copy(delim[:], line[3:8])
			started = true
			clear(count)
		}
		if !started {
			return invalid("message", "must begin with MSH, FHS or BHS")
		}
		name, _, _ := strings.Cut(line, string(delim[0]))
		if !segmentName.MatchString(name) {
			name = "?" // its fields are looked through all the same
		}
		count[name]++
		s := segment{name: name, nth: count[name], delim: delim}
		s.fields = cut(h.doc, start, end, delim[0])
		h.list = append(h.list, s)
		if len(h.list) > 1_000_000 {
			return &record.LimitError{Path: "message", What: "segments", Limit: 1_000_000}
		}
	}
	if !started {
		return invalid("message", "must begin with MSH, FHS or BHS")
	}
	return nil
}

// cut gives the places of the pieces between delimiters.
func cut(doc string, start, end int, by byte) [][2]int {
	var out [][2]int
	for {
		i := strings.IndexByte(doc[start:end], by)
		if i < 0 {
			return append(out, [2]int{start, end})
		}
		out = append(out, [2]int{start, start + i})
		start += i + 1
	}
}

// field is field n of a segment as HL7 counts; in MSH the delimiter itself is the first.
func (s *segment) field(n int) (where [2]int, ok bool) {
	if s.header() {
		n--
	}
	if n < 1 || n >= len(s.fields) {
		return where, false
	}
	return s.fields[n], true
}

func (s *segment) header() bool { return s.name == "MSH" || s.name == "FHS" || s.name == "BHS" }

// value is the first repetition of a component, unescaped where it has no escapes.
func (h *hl7Reader) value(s *segment, field, component int) string {
	where, ok := s.field(field)
	if !ok {
		return ""
	}
	rep := cut(h.doc, where[0], where[1], s.delim[2])[0]
	parts := cut(h.doc, rep[0], rep[1], s.delim[1])
	if component > len(parts) {
		return ""
	}
	p := parts[component-1]
	return h.doc[p[0]:p[1]]
}

// collect gathers what the messages say of their people.
func (h *hl7Reader) collect() {
	for i := range h.list {
		s := &h.list[i]
		for n := 1; n <= len(s.fields); n++ {
			where, ok := s.field(n)
			if !ok || where[0] == where[1] {
				continue
			}
			h.gather(s, n, hl7Fields[s.name][n], where)
		}
		if s.name == "PID" && h.patient == "" {
			h.patient = h.value(s, 3, 1)
		}
	}
}

func (h *hl7Reader) gather(s *segment, n int, kind hl7Kind, where [2]int) {
	for _, rep := range cut(h.doc, where[0], where[1], s.delim[2]) {
		parts := cut(h.doc, rep[0], rep[1], s.delim[1])
		part := func(c int) string {
			if c > len(parts) {
				return ""
			}
			return strings.ReplaceAll(h.doc[parts[c-1][0]:parts[c-1][1]], string(s.delim[4]), " ")
		}
		switch kind {
		case xpn:
			h.addPerson(part(1), part(2), "")
		case xcn:
			h.addPerson(part(2), part(3), "")
		case cx, idNumber:
			if s.name == "PID" || s.name == "IN1" || s.name == "PV1" {
				h.known.AddValue(part(1), hl7Type(s.name, n))
			}
		case xtn:
			h.known.AddValue(part(1), Phone)
		case xad:
			h.known.AddValue(part(1), Address)
		case day:
			if !(s.name == "PID" && n == 7) {
				h.later(part(1))
			}
		default: // says nothing of a person
		}
	}
}

func (h *hl7Reader) later(ts string) {
	if len(ts) >= 8 {
		if t, err := time.Parse("20060102", ts[:8]); err == nil && t.After(h.latest) && t.Year() < 2200 {
			h.latest = t
		}
	}
}

// segment does what the policy says to each field.
func (h *hl7Reader) segment(s *segment) {
	valueType := ""
	if s.name == "OBX" {
		valueType = h.value(s, 2, 1)
	}
	for n := 1; n <= len(s.fields); n++ {
		where, ok := s.field(n)
		if !ok || where[0] == where[1] || s.header() && n == 2 {
			continue
		}
		kind := hl7Fields[s.name][n]
		if s.name == "OBX" && n == 5 {
			kind = obxKinds[valueType]
			if kind == plain && valueType == "" {
				kind = looked
			}
		}
		for i, rep := range cut(h.doc, where[0], where[1], s.delim[2]) {
			h.repetition(s, n, i, kind, rep)
		}
	}
}

func (s *segment) path(field, repetition int) string {
	p := s.name + "[" + strconv.Itoa(s.nth) + "]-" + strconv.Itoa(field)
	if repetition > 0 {
		p += "[" + strconv.Itoa(repetition+1) + "]"
	}
	return p
}

func (h *hl7Reader) repetition(s *segment, n, i int, kind hl7Kind, rep [2]int) {
	path := s.path(n, i)
	parts := cut(h.doc, rep[0], rep[1], s.delim[1])
	each := func(t Type, components ...int) {
		for _, c := range components {
			if c <= len(parts) {
				h.whole(t, path, parts[c-1], s)
			}
		}
	}
	switch kind {
	case xpn:
		each(Name, 1, 2, 3, 5)
	case xcn:
		each(hl7Type(s.name, n), 1)
		each(Name, 2, 3, 4)
	case xon:
		each(Organization, 1)
		each(ID, 3, 10)
	case xad:
		each(Address, 1, 2, 3, 8, 9, 10)
		each(Zip, 5)
	case xtn:
		each(Phone, 1, 6, 7, 9, 12)
		each(Email, 4)
	case cx, idNumber:
		each(hl7Type(s.name, n), 1)
	case wholeName:
		each(Name, 1, 2)
	case day:
		for _, p := range parts {
			h.date(path, p, s.name == "PID" && n == 7)
		}
	case embedded:
		if len(parts) > 0 && h.policy.action(Attachment) != Keep {
			h.replace(Attachment, Redact, path, [2]int{parts[len(parts)-1][0], parts[len(parts)-1][1]}, "[ATTACHMENT]")
		}
	case looked:
		h.look(path, rep, s)
	case code:
	case plain:
		if s.header() || plainSegments.has(s.name) && hl7Known(s.name) {
			return
		}
		for _, p := range parts {
			h.anything(path, p, s)
		}
	}
}
