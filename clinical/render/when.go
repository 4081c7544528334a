package render

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/bedside-lm/bedside/clinical/record"
)

// inpatient are the classes of encounter that admit a patient (HL7 v3 ActEncounterCode).
var inpatient = []string{"IMP", "ACUTE", "NONAC", "OBSENC", "SS"}

// admissionOf finds the start of the stay that a record is about: of the latest inpatient
// encounter, else of the latest of any kind. A month or a year is too coarse to count from.
func admissionOf(rec *record.PatientRecord) (at record.DateTime, encounter int) {
	encounter = -1
	admits := false
	for i, e := range rec.Encounters {
		if e.Status == "entered-in-error" || e.Status == "cancelled" || e.Start.Precision < record.PrecisionDay {
			continue
		}
		in := slices.Contains(inpatient, e.Class)
		if encounter < 0 || in && !admits || in == admits && e.Start.Compare(at) > 0 {
			at, encounter, admits = e.Start, i, in
		}
	}
	return at, encounter
}

// time writes a time as fine as it was filed and lists it.
func (b *builder) time(d record.DateTime) string {
	if d.IsZero() {
		return ""
	}
	b.listDate(d)
	if !b.r.admission.IsZero() && !b.absolute && d.Precision >= record.PrecisionDay {
		return b.offset(d)
	}
	if d.Precision != record.PrecisionSecond {
		b.day = ""
		return d.String()
	}
	layout := "2006-01-02 15:04"
	if b.r.p.compact && d.Time.Year() == b.r.ref.Time.Year() {
		layout = "01-02 15:04" // the year is the record's own
	}
	day := d.Time.Format("2006-01-02")
	if day == b.day {
		layout = "15:04"
	}
	b.day = day
	if b.r.showZone {
		layout += "-07:00"
	}
	return d.Time.Format(layout)
}

// offset writes how far a time lies from admission: hours and minutes, or a day where either
// of both is known by its day alone. The day of admission is day 1; there is no day 0.
func (b *builder) offset(d record.DateTime) string {
	p, from := b.r.p, b.r.admission
	if d.Precision == record.PrecisionDay || from.Precision == record.PrecisionDay {
		n := int(midnight(d).Sub(midnight(from)) / (24 * time.Hour))
		before := n < 0
		if before {
			n = -n
		} else {
			n++
		}
		b.add(Number{Value: record.NewDecimal(float64(n)), Unit: "d", Role: RoleOffset, At: d})
		clock := ""
		if d.Precision == record.PrecisionSecond {
			clock = d.Time.Format("15:04")
		}
		return p.dayOfStay(strconv.Itoa(n), before, clock)
	}
	minutes := int(d.Time.Truncate(time.Minute).Sub(from.Time.Truncate(time.Minute)) / time.Minute)
	before := minutes < 0
	if before {
		minutes = -minutes
	}
	return p.fromAdmission(b.stretch(minutes, d), before)
}

// stretch writes minutes as days, hours and minutes, without those that are none.
func (b *builder) stretch(minutes int, at record.DateTime) string {
	if minutes == 0 && b.r.p.compact { // "+0h"
		b.add(Number{Value: record.NewDecimal(0), Unit: "h", Label: b.r.p.stretchUnits[1], Role: RoleOffset, At: at})
	}
	days := 0
	if minutes >= 48*60 {
		days = minutes / (24 * 60)
		minutes -= days * 24 * 60
	}
	text := ""
	for i, n := range []int{days, minutes / 60, minutes % 60} {
		if n == 0 {
			continue
		}
		unit := b.r.p.stretchUnits[i]
		b.add(Number{Value: record.NewDecimal(float64(n)), Unit: []string{"d", "h", "min"}[i], Label: unit, Role: RoleOffset, At: at})
		if text != "" {
			text += b.r.p.stretchGap
		}
		text += strconv.Itoa(n) + b.r.p.stretchGap + unit
	}
	return text
}

// midnight is a time's calendar day in the zone that it was filed in.
func midnight(d record.DateTime) time.Time {
	y, m, day := d.Time.Date()
	return time.Date(y, m, day, 0, 0, 0, 0, time.UTC)
}

// fromAdmission says how far before or after admission something lies; "" is at admission.
func (p *phrases) fromAdmission(stretch string, before bool) string {
	switch {
	case p.compact && stretch == "":
		return "+0h"
	case stretch == "":
		return p.atAdmission
	case p.lang == Chinese && !p.compact && before:
		return "入院前" + stretch
	case p.lang == Chinese && !p.compact:
		return "入院后" + stretch
	case before:
		return "-" + stretch
	}
	return "+" + stretch
}

// dayOfStay names a day of the stay, or one before it, with the time of day where it is known.
func (p *phrases) dayOfStay(n string, before bool, clock string) string {
	var day string
	switch {
	case p.lang == Chinese && before:
		day = "入院前第" + n + "天"
	case p.lang == Chinese:
		day = "第" + n + "天"
	case before:
		day = "day -" + n
	default:
		day = "day " + n
	}
	switch {
	case clock == "":
		return day
	case p.lang == Chinese || p.compact:
		return day + " " + clock
	}
	return fmt.Sprintf("%s of %s", clock, day)
}
