package hl7v2

import (
	"fmt"
	"strings"
	"time"

	"github.com/bedside-lm/bedside/clinical/record"
)

// reader turns messages into one record. Its methods note what is wrong and go on.
type reader struct {
	lim        Limits
	rec        *record.PatientRecord
	violations []record.Violation
	limit      error
	moreNotes  int

	file    string
	number  int // of the message
	line    int // of its MSH
	control string
	zone    *time.Location // of times that name none
	noted   map[string]bool

	messages int    // that were read
	other    string // where the first message of another kind says so
	known    bool   // whose results the message holds

	seg       *segment // being read
	obr       *order
	encounter string
	devices   map[string]bool
	contained map[string]string // first number of OBX-4 to device
	ids       map[string]bool
	lastOBX   *lastOBX
	groups    map[int]int // of the message's observations, by index: the number of their OBR
}

// order is the OBR group being read.
type order struct {
	number int
	at     record.DateTime
	report int // index in rec.Reports, or -1
	count  int // of its OBX segments
}

func newReader(lim Limits) *reader {
	return &reader{
		lim: lim, rec: &record.PatientRecord{Skipped: map[string]int{}}, noted: map[string]bool{},
		devices: map[string]bool{}, ids: map[string]bool{},
	}
}

func (r *reader) begin(number, line int) {
	r.number, r.line, r.zone, r.obr = number, line, nil, nil
	r.contained, r.groups, r.lastOBX = map[string]string{}, map[int]int{}, nil
}

// readers has a function for each segment that becomes part of a record.
var readers = map[string]func(*reader){
	"MSH": (*reader).header, "PID": (*reader).patient, "PV1": (*reader).visit, "OBR": (*reader).request, "OBX": (*reader).observation,
	"DG1": (*reader).diagnosis, "AL1": (*reader).allergy, "PRT": (*reader).participant,
}

// silent segments carry nothing that a record has a place for, and are in nearly every message.
var silent = map[string]bool{"ORC": true, "NTE": true, "PV2": true, "SFT": true, "TQ1": true, "SPM": true, "PD1": true, "EVN": true, "UAC": true}

func (r *reader) message(text []byte) error {
	decoded, err := decode(text)
	if err != nil {
		return r.placed(err)
	}
	m, err := split(decoded, r.lim)
	if err != nil {
		return r.placed(err)
	}
	if r.seg = &m.segments[0]; !r.wanted() {
		return nil
	}
	r.known = false
	first := len(r.rec.Observations)
	for i := range m.segments {
		r.seg = &m.segments[i]
		read := readers[r.seg.name]
		if read == nil {
			r.rec.Skipped[r.seg.name]++
			if !silent[r.seg.name] && !r.noted[r.seg.name] {
				r.noted[r.seg.name] = true
				r.notice(0, record.NoticeUnknownResource, "segments %s are not read", r.seg.name)
			}
			continue
		}
		read(r)
		if len(r.violations) >= r.lim.Violations || r.limit != nil {
			return r.limit
		}
	}
	if r.messages++; !r.known {
		r.violations = append(r.violations, record.Violation{Path: r.prefix() + "PID[1]", Message: "required: whose results these are"})
	}
	r.pressures(first)
	return nil
}

// wanted says whether a message carries results (ORU^R01 or its likes R30 to R32 and R40). Others
// are counted: a day's file of a hospital holds admissions and acknowledgements, too.
func (r *reader) wanted() bool {
	kind := r.seg.field(9).first()
	code, trigger := kind.component(1), kind.component(2)
	if results(code, trigger) {
		return true
	}
	if r.other == "" {
		r.other = r.path(9)
	}
	name := "message of another kind"
	if segmentName(code) && segmentName(trigger) {
		name = code + "^" + trigger
	}
	r.rec.Skipped[name]++
	if !r.noted["message"] {
		r.noted["message"] = true
		r.notice(9, record.NoticeUnknownResource, "messages other than ORU^R01 are not read")
	}
	return false
}

func results(code, trigger string) bool {
	return code == "ORU" && (trigger == "" || strings.HasPrefix(trigger, "R"))
}

// placed says in which message an error stands.
func (r *reader) placed(err error) error {
	if e, ok := err.(*record.InvalidError); ok { //nolint:errorlint // made right here, never wrapped
		for i := range e.Violations {
			e.Violations[i].Path = r.prefix() + e.Violations[i].Path
		}
	}
	return err
}

func (r *reader) prefix() string {
	switch {
	case r.file != "":
		return fmt.Sprintf("%s:%d: ", r.file, r.line)
	case r.number > 1:
		return fmt.Sprintf("message[%d].", r.number)
	}
	return ""
}

// path names a field of the segment being read, or the segment where field is 0.
func (r *reader) path(field int) string {
	p := fmt.Sprintf("%s%s[%d]", r.prefix(), r.seg.name, r.seg.number)
	if field > 0 {
		p += fmt.Sprintf("-%d", field)
	}
	return p
}

func (r *reader) violate(field int, format string, args ...any) {
	if len(r.violations) < r.lim.Violations {
		r.violations = append(r.violations, record.Violation{Path: r.path(field), Message: fmt.Sprintf(format, args...)})
	}
}

func (r *reader) notice(field int, kind record.NoticeKind, format string, args ...any) {
	if len(r.rec.Notices) >= r.lim.Notices {
		r.moreNotes++
		return
	}
	r.rec.Notices = append(r.rec.Notices, record.Notice{Path: r.path(field), Kind: kind, Message: fmt.Sprintf(format, args...)})
}

func (r *reader) result() (*record.PatientRecord, error) {
	if len(r.violations) > 0 {
		return nil, &record.InvalidError{Violations: r.violations}
	}
	if r.messages == 0 {
		return nil, invalid(r.other, "expected a message ORU^R01")
	}
	if r.moreNotes > 0 {
		r.rec.Notices = append(r.rec.Notices, record.Notice{Path: "HL7v2", Kind: record.NoticeMore, Message: fmt.Sprintf("%d more notices left out", r.moreNotes)})
	}
	return r.rec, nil
}

// header reads MSH.
func (r *reader) header() {
	s := r.seg
	if s.number > 1 {
		r.violate(0, "a second MSH within one message")
		return
	}
	if v := s.field(12).component(1); v != "" && !strings.HasPrefix(v, "2.") {
		r.violate(12, "expected a version 2 of HL7")
	}
	if r.control = record.IDOf(s.field(10).component(1)); r.control == "" {
		r.violate(10, "required: the message's control id")
	}
	if sent := s.field(7).component(1); sent != "" {
		if at, zoned, err := parseTime(sent, time.UTC); err != nil {
			r.violate(7, "%s", err)
		} else if zoned {
			// Not its Location, which may be the machine's own and change with the season.
			_, offset := at.Time.Zone()
			r.zone = time.FixedZone("", offset)
		}
	}
}

// id is a resource's id within the record: the message's, and its place in it.
func (r *reader) id(format string, args ...any) string {
	suffix := fmt.Sprintf(format, args...)
	base := r.control[:min(len(r.control), 64-len(suffix)-8)]
	id := base + suffix
	for n := 2; r.ids[id]; n++ { // the same control id in two messages
		id = fmt.Sprintf("%s.m%d%s", base, r.number, suffix)
		if n > 2 {
			id = fmt.Sprintf("%s.%d%s", base, n, suffix)
		}
	}
	r.ids[id] = true
	return id
}
