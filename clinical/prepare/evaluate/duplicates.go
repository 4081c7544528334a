package evaluate

import (
	"strconv"
	"strings"
	"time"

	"github.com/bedside-lm/bedside/clinical/prepare/corrupt"
	"github.com/bedside-lm/bedside/clinical/record"
)

// The baselines of duplicates.
const (
	EqualContent = "equal content" // same measure, time, value and unit
	OneAMinute   = "one a minute"  // same measure in the same minute of the clock
)

// duplicates judges which readings were merged. A duplicate is found where it stands under the
// same id as what it repeats. A merge of readings that are not of one moment is false. Readings
// of one moment that several devices filed in the clean record may be merged or not.
func (j *judged) duplicates() {
	j.merges(Cleaning, j.into)
	equal, minute := map[string]string{}, map[string]string{}
	firstEqual, firstMinute := map[string]string{}, map[string]string{}
	for _, id := range j.ids() {
		o := j.filed[id]
		equal[id], minute[id] = id, id
		if o.Start.IsZero() {
			continue
		}
		code := label(o.Code)
		first(firstEqual, code+"|"+o.Start.Time.UTC().Format(time.RFC3339Nano)+"|"+content(o), id, equal)
		if o.Start.Precision == record.PrecisionSecond && (o.Value.Quantity != nil || len(o.Components) > 0) {
			first(firstMinute, code+"|"+strconv.FormatInt(o.Start.Time.Unix()/60, 10), id, minute)
		}
	}
	j.merges(EqualContent, equal)
	j.merges(OneAMinute, minute)
}

// first has an id stand for the later ones of the same content.
func first(seen map[string]string, what, id string, into map[string]string) {
	if f, ok := seen[what]; ok {
		into[id] = f
		return
	}
	seen[what] = id
}

func label(c record.Concept) string {
	if m := corrupt.Measure(c); m != "" {
		return m
	}
	return c.Label()
}

// content is an observation's value as text.
func content(o *record.Observation) string {
	var b strings.Builder
	value := func(v *record.Value) {
		switch {
		case v.Quantity != nil:
			b.WriteString(v.Quantity.Comparator + strconv.FormatFloat(v.Quantity.Value.Float, 'g', -1, 64) + v.Quantity.Code)
		case v.Concept != nil:
			b.WriteString(v.Concept.Label())
		case v.Bool != nil:
			b.WriteString(strconv.FormatBool(*v.Bool))
		case v.Integer != nil:
			b.WriteString(strconv.FormatInt(*v.Integer, 10))
		default:
			b.WriteString(v.Text + v.AbsentReason)
		}
		b.WriteByte('|')
	}
	value(&o.Value)
	for i := range o.Components {
		b.WriteString(label(o.Components[i].Code) + "=")
		value(&o.Components[i].Value)
	}
	return b.String()
}

func (j *judged) merges(method string, into map[string]string) {
	for id, d := range j.truth.Duplicates {
		part := "resent"
		if d.SecondDevice {
			part = "second device"
		}
		ok := into[id] == into[d.Of]
		j.scores.add("duplicates", "", method, found(ok))
		j.scores.add("duplicates", part, method, found(ok))
	}
	groups := map[string]map[string]bool{} // of what stands: the moments that it stands for
	for id, to := range into {
		if groups[to] == nil {
			groups[to] = map[string]bool{}
		}
		groups[to][j.moment(id)] = true
	}
	for _, moments := range groups {
		j.scores.add("duplicates", "", method, Tally{False: float64(len(moments) - 1)})
	}
}

// moment is the id that stands for all readings of the same moment and measure in truth.
func (j *judged) moment(id string) string {
	id = j.original(id)
	if of, ok := j.truth.Together[id]; ok {
		return of
	}
	return id
}
