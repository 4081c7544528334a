package prepare

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/terms"
)

// work is one record on its way through the stages. Observations are copied when they are
// first changed.
type work struct {
	opt      Options
	rec      *record.PatientRecord
	given    []record.Observation
	obs      []record.Observation // those given, then those made up by the gaps stage
	owned    []bool               // obs[i] is a copy of its own
	gone     []bool               // merged into another
	raw      map[string]*record.Observation
	report   *Report
	limits   map[string]*limits // by the measure's key
	concepts map[concept]known
	// doubtful are pairs of devices whose clocks may disagree, as far as the clock stage could tell.
	doubtful map[devices]bool
	// kept are the readings that the last stage looked at, for the next one; nil where a stage
	// has changed times or values.
	kept []reading
}

// reading is one number of an observation, in its measure's usual unit.
type reading struct {
	obs, component int // component is -1 for the observation's own value
	key            string
	lim            *limits
	at             time.Time
	value          float64
	device         string
	id             string
}

// edit gives an observation that may be changed. What was filed is kept where raw is set.
func (w *work) edit(i int, raw bool) *record.Observation {
	o := &w.obs[i]
	if i < len(w.given) && raw && w.raw[o.ID] == nil {
		w.raw[o.ID] = &w.given[i]
	}
	if !w.owned[i] {
		w.owned[i] = true
		o.Components = slices.Clone(o.Components)
		o.Marks = slices.Clone(o.Marks)
		o.DerivedFrom = slices.Clone(o.DerivedFrom)
	}
	return o
}

// mark adds a mark and says whether it is new.
func (w *work) mark(i int, m record.Mark, raw bool) bool {
	if w.obs[i].Has(m) {
		return false
	}
	o := w.edit(i, raw)
	o.Marks = append(o.Marks, m)
	return true
}

// note lists a change, as far as there is room.
func (w *work) note(c Change) {
	w.report.Counts[c.Kind]++
	if w.tells() {
		w.report.Changes = append(w.report.Changes, c)
	}
}

// tells says whether the next change will be told, and not only counted.
func (w *work) tells() bool { return len(w.report.Changes) < w.opt.MaxChanges }

// counts says whether an observation holds a reading: it was made, and it is no error.
func counts(o *record.Observation) bool {
	return o.Status != "entered-in-error" && o.Status != "cancelled" && !o.Has(record.MarkImputed)
}

// quantity is the place of a reading's quantity.
func quantity(o *record.Observation, component int) **record.Quantity {
	if component < 0 {
		return &o.Value.Quantity
	}
	return &o.Components[component].Value.Quantity
}

// readings are all readings with a measure that has limits, a moment and a known unit, sorted
// by measure, time and id.
func (w *work) readings() []reading {
	if w.kept != nil {
		return w.kept
	}
	out := make([]reading, 0, len(w.obs))
	for i := range w.obs {
		o := &w.obs[i]
		if w.gone[i] || !counts(o) || o.Start.Precision != record.PrecisionSecond {
			continue
		}
		out = w.appendReading(out, o, i, -1)
		for c := range o.Components {
			out = w.appendReading(out, o, i, c)
		}
	}
	slices.SortFunc(out, func(a, b reading) int {
		return cmp.Or(strings.Compare(a.key, b.key), a.at.Compare(b.at), strings.Compare(a.id, b.id), cmp.Compare(a.component, b.component))
	})
	w.kept = out
	return out
}

func (w *work) appendReading(out []reading, o *record.Observation, i, component int) []reading {
	q, code := *quantity(o, component), &o.Code
	if component >= 0 {
		code = &o.Components[component].Code
	}
	if q == nil || q.Comparator != "" {
		return out
	}
	l, key := w.limitsOf(code)
	if l == nil || !l.listed {
		return out
	}
	v := q.Value.Float
	if q.Code != l.code {
		u, ok := unitOf(q)
		if !ok {
			return out
		}
		if v, ok = l.convert(v, u); !ok {
			return out
		}
	}
	if math.IsInf(v, 0) || math.IsNaN(v) {
		return out
	}
	return append(out, reading{obs: i, component: component, key: key, lim: l, at: o.Start.Time, value: v, device: o.DeviceID, id: o.ID})
}

// concept is what a record.Concept is looked up by.
type concept struct{ text, system, code, rest string }

// known is what a concept was found to be.
type known struct {
	lim *limits // nil where the measure has no unit, or is none
	key string
}

// limitsOf finds a concept's limits, and the key of the measure that it is.
func (w *work) limitsOf(c *record.Concept) (*limits, string) {
	name := concept{text: c.Text}
	for i, k := range c.Codings {
		if i == 0 {
			name.system, name.code = k.System, k.Code
			continue
		}
		name.rest += "|" + k.System + "|" + k.Code
	}
	found, seen := w.concepts[name]
	if !seen {
		if e, _ := terms.Find("measure", *c); e != nil {
			found = known{w.limits[e.Key], e.Key}
		}
		w.concepts[name] = found
	}
	return found.lim, found.key
}

// series calls visit with the readings of one measure after another.
func series(rs []reading, visit func([]reading)) {
	for len(rs) > 0 {
		n := 1
		for n < len(rs) && rs[n].key == rs[0].key {
			n++
		}
		visit(rs[:n:n])
		rs = rs[n:]
	}
}

func (r *reading) name() string { return "Observation/" + r.id }

// text is a quantity for a report.
func text(q *record.Quantity) string {
	u := q.Code
	if u == "" {
		u = q.Unit
	}
	return strings.TrimSpace(q.Comparator + q.Value.Text + " " + u)
}

// rounded gives a converted value about as many digits as the filed one had, at least three.
func rounded(v float64, filed record.Decimal) record.Decimal {
	digits := 0
	for _, c := range strings.TrimLeft(strings.TrimLeft(filed.Text, "-"), "0.") {
		if c == 'e' || c == 'E' {
			break
		}
		if c >= '0' && c <= '9' {
			digits++
		}
	}
	digits = min(max(digits, 3), 6)
	decimals := 0
	if v != 0 {
		decimals = max(0, digits-1-int(math.Floor(math.Log10(math.Abs(v)))))
	}
	s := strconv.FormatFloat(v, 'f', min(decimals, 12), 64)
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	d, err := record.ParseDecimal(s)
	if err != nil {
		return record.NewDecimal(v)
	}
	return d
}
