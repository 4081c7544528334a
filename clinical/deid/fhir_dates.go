package deid

import (
	"strconv"
	"time"
)

// date does to a date what the policy says, but so that it stays one: what is redacted in a text is a year here.
func (r *fhirReader) date(n int32, at place) {
	value := r.str(n)
	r.put(n, Date, r.newDate(value, at.key), r.policy.action(Date))
}

func (r *fhirReader) newDate(value, key string) string {
	switch r.policy.action(Date) {
	case Keep:
		return value
	case Shift:
		if len(value) < len("2006-01") {
			return value
		}
		layout := "2006-01-02"[:min(len(value), 10)]
		t, err := time.Parse(layout, value[:len(layout)])
		if err != nil {
			return value[:4]
		}
		if len(layout) < 10 {
			t = t.AddDate(0, 0, 14)
		}
		return t.AddDate(0, 0, r.keys.days(r.patient)).Format(layout) + value[len(layout):]
	default:
		if instants.has(key) { // these need a day and a time
			return value[:4] + "-01-01T00:00:00Z"
		}
		return value[:4]
	}
}

// instants are the elements of type instant.
var instants = words(`lastUpdated issued timestamp recorded effectiveInstant valueInstant when start_instant`)

// birth is a date of birth. Of who is older than 89, the year goes, too: it becomes that of the age of 90.
func (r *fhirReader) birth(n int32, at place) {
	value := r.str(n)
	if len(value) < 4 {
		return
	}
	ref := r.latest
	if ref.IsZero() {
		ref = time.Now()
	}
	layout := "2006-01-02"[:min(len(value), 10)]
	born, err := time.Parse(layout, value[:len(layout)])
	if err == nil && born.AddDate(90, 0, 0).Before(ref.AddDate(0, 0, 1)) && r.policy.action(Age) != Keep {
		year := ref.Year() - 90
		if r.policy.action(Date) == Shift {
			year = ref.AddDate(0, 0, r.keys.days(r.patient)).Year() - 90
		}
		r.put(n, Age, strconv.Itoa(year), Generalize)
		return
	}
	if fhirDate.MatchString(value) {
		r.date(n, at)
	}
}
