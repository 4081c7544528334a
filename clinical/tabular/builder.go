package tabular

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/bedside-lm/bedside/clinical/record"
)

// builder turns rows into one record. Its methods note what is wrong and go on.
type builder struct {
	m   *Mapping
	lim Limits
	rec *record.PatientRecord

	violations []record.Violation
	limit      error
	moreNotes  int
	noted      map[string]bool // what is told once

	at      *Row // being read
	rows    int
	ids     map[string]bool
	devices map[string]bool
	labels  map[string]bool
	visits  map[string]int // encounter to its index
	whats   map[[2]string]*what
	units   map[string]filedUnit
	texts   map[string]string // one copy of each text that repeats
}

func newBuilder(m *Mapping, lim Limits) *builder {
	return &builder{
		m: m, lim: lim, rec: &record.PatientRecord{}, noted: map[string]bool{}, ids: map[string]bool{}, devices: map[string]bool{},
		labels: map[string]bool{}, visits: map[string]int{}, whats: map[[2]string]*what{}, units: map[string]filedUnit{}, texts: map[string]string{},
	}
}

func (b *builder) done() bool { return b.limit != nil || len(b.violations) >= b.lim.Violations }

func (b *builder) violate(column, format string, args ...any) {
	if len(b.violations) < b.lim.Violations {
		b.violations = append(b.violations, record.Violation{Path: place(b.at, column), Message: fmt.Sprintf(format, args...)})
	}
}

func (b *builder) notice(column string, kind record.NoticeKind, message string) {
	if len(b.rec.Notices) >= b.lim.Notices {
		b.moreNotes++
		return
	}
	b.rec.Notices = append(b.rec.Notices, record.Notice{Path: place(b.at, column), Kind: kind, Message: message})
}

func (b *builder) result() (*record.PatientRecord, error) {
	switch {
	case b.limit != nil:
		return nil, b.limit
	case len(b.violations) > 0:
		return nil, &record.InvalidError{Violations: b.violations[:min(len(b.violations), b.lim.Violations)]}
	case b.rows == 0:
		return nil, invalid("table", "no row: expected readings of one patient")
	}
	if b.moreNotes > 0 {
		b.rec.Notices = append(b.rec.Notices, record.Notice{
			Path: "table", Kind: record.NoticeMore, Message: strconv.Itoa(b.moreNotes) + " more notices left out",
		})
	}
	return b.rec, nil
}

// cell returns a cell of the row being read, "" where it holds no value or the mapping has no
// such column.
func (b *builder) cell(column string) string {
	if column == "" {
		return ""
	}
	s := b.at.Cells[b.m.at[column]]
	if b.m.missing[s] {
		return ""
	}
	return s
}

func (b *builder) row(row *Row) {
	if b.rows++; b.rows > b.lim.Rows {
		b.limit = &record.LimitError{Path: row.String(), What: "rows about one patient", Limit: int64(b.lim.Rows)}
		return
	}
	b.at = row
	s := &b.m.spec
	if b.rec.Patient.ID == "" {
		b.rec.Patient.ID = row.Patient
	}
	if b.rec.Patient.ID != row.Patient {
		b.violate(s.Patient.ID, "a second patient; a record is about one")
		return
	}
	b.patient()
	encounter := b.encounter()
	b.label(encounter)
	o := record.Observation{Status: "final", Start: b.time(), EncounterID: encounter, DeviceID: b.device()}
	if o.Start.IsZero() {
		return
	}
	if s.Long != nil {
		b.long(&o)
		return
	}
	for i := range b.m.wide {
		b.wide(&b.m.wide[i], &o)
	}
}

var sexes = map[string]string{
	"male": "male", "m": "male", "男": "male", "男性": "male", "female": "female", "f": "female", "女": "female", "女性": "female",
	"other": "other", "o": "other", "其他": "other", "unknown": "unknown", "u": "unknown", "未知": "unknown", "不详": "unknown",
}

func (b *builder) patient() {
	s, p := &b.m.spec.Patient, &b.rec.Patient
	if word := b.cell(s.Sex); word != "" {
		sex, known := s.Sexes[word]
		if !known {
			sex, known = sexes[strings.ToLower(word)]
		}
		switch {
		case !known:
			b.violate(s.Sex, "expected male, female, other, unknown or a word that the mapping lists under patient.sexes")
		case p.Sex != "" && p.Sex != sex:
			b.violate(s.Sex, "differs from an earlier row about the same patient")
		default:
			p.Sex = sex
		}
	}
	if text := b.cell(s.BirthDate); text != "" {
		born, _, ok := parseTime(text, b.m.births, time.UTC)
		if ok && born.Precision == record.PrecisionSecond {
			y, m, d := born.Time.Date()
			born = record.DateTime{Time: time.Date(y, m, d, 0, 0, 0, 0, time.UTC), Precision: record.PrecisionDay}
		}
		switch {
		case !ok:
			b.violate(s.BirthDate, "not a date in one of the mapping's layouts")
		case !p.BirthDate.IsZero() && (p.BirthDate.Precision != born.Precision || !p.BirthDate.Time.Equal(born.Time)):
			b.violate(s.BirthDate, "differs from an earlier row about the same patient")
		default:
			p.BirthDate = born
		}
	}
}

// classes are patient classes as people write them, as v3 ActCodes.
var classes = map[string]string{
	"imp": "IMP", "inpatient": "IMP", "i": "IMP", "住院": "IMP", "icu": "ACUTE", "acute": "ACUTE", "emer": "EMER", "emergency": "EMER", "e": "EMER",
	"急诊": "EMER", "amb": "AMB", "outpatient": "AMB", "o": "AMB", "门诊": "AMB",
}

func (b *builder) encounter() string {
	s := &b.m.spec.Encounter
	filed := b.cell(s.ID)
	if filed == "" {
		return ""
	}
	id := b.once(record.IDOf(filed))
	i, known := b.visits[id]
	if !known {
		i = len(b.rec.Encounters)
		b.visits[id] = i
		b.rec.Encounters = append(b.rec.Encounters, record.Encounter{ID: id, Status: "unknown"})
	}
	e := &b.rec.Encounters[i]
	if word := b.cell(s.Class); word != "" && e.Class == "" {
		if e.Class = classes[strings.ToLower(word)]; e.Class == "" && !b.noted["class"] {
			b.noted["class"] = true
			b.notice(s.Class, record.NoticeUnknownCode, "not a known class of encounter, left out")
		}
	}
	for _, f := range []struct {
		column string
		at     *record.DateTime
	}{{s.Start, &e.Start}, {s.End, &e.End}} {
		if text := b.cell(f.column); text != "" && f.at.IsZero() {
			*f.at = b.moment(f.column, text)
		}
	}
	switch {
	case e.End.IsZero():
	case !e.Start.IsZero() && e.End.Compare(e.Start) < 0 && !known:
		b.violate(s.End, "before the encounter's start")
	default:
		e.Status = "finished"
	}
	return id
}

func (b *builder) label(encounter string) {
	s := &b.m.spec.Label
	text := b.cell(s.Column)
	if text == "" || b.labels[encounter+"\x00"+text] {
		return
	}
	b.labels[encounter+"\x00"+text] = true
	c := record.Condition{
		ID: b.id("condition-" + strconv.Itoa(len(b.labels))), Category: "encounter-diagnosis", Clinical: "active", Verification: "confirmed",
		EncounterID: encounter, Code: diagnosis(s.System, text),
	}
	b.rec.Conditions = append(b.rec.Conditions, c)
}

func (b *builder) device() string {
	filed := b.cell(b.m.spec.Device)
	if filed == "" {
		return ""
	}
	id := record.IDOf(filed)
	if !b.devices[id] {
		b.devices[id] = true
		b.rec.Devices = append(b.rec.Devices, record.Device{ID: id})
	}
	return b.once(id)
}

// time reads the row's moment.
func (b *builder) time() record.DateTime {
	columns := b.m.spec.Time.Columns
	text := b.cell(columns[0])
	if text != "" {
		for _, c := range columns[1:] {
			if part := b.cell(c); part != "" {
				text += " " + part
			}
		}
		return b.moment(columns[0], text)
	}
	b.violate(columns[0], "required: the time")
	return record.DateTime{}
}

func (b *builder) moment(column, text string) record.DateTime {
	loc := b.m.zone
	if loc == nil {
		loc = time.UTC
	}
	d, zoned, ok := parseTime(text, b.m.layouts, loc)
	if !ok {
		b.violate(column, "not a time in one of the mapping's layouts")
		return record.DateTime{}
	}
	if !zoned && b.m.zone == nil && !b.noted["zone"] {
		b.noted["zone"] = true
		b.notice(column, record.NoticeZone, "neither the time nor the mapping names a time zone; taken as UTC")
	}
	return d
}

// once returns the one copy of a text that repeats.
func (b *builder) once(s string) string {
	if kept, known := b.texts[s]; known {
		return kept
	}
	b.texts[s] = s
	return s
}

// id makes an id of the record unique, as rows of two files may share their number.
func (b *builder) id(id string) string {
	base := id
	for n := 2; b.ids[id]; n++ {
		id = base + "-" + strconv.Itoa(n)
	}
	b.ids[id] = true
	return id
}
