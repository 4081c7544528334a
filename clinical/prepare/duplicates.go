package prepare

import (
	"cmp"
	"encoding/binary"
	"hash/fnv"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bedside-lm/bedside/clinical/record"
)

// duplicates merges what was filed more than once: the same measure, moment and value under
// several ids, and readings that two devices made of the same moment. One stays, and names the
// others. Readings without a time are never merged: two findings may share
// their words.
func (w *work) duplicates() {
	into := map[int]int{} // merged observation to the one that stays
	w.exact(into)
	w.near(into)
	if len(into) == 0 {
		return
	}
	w.kept = nil
	w.merge(into)
}

// exact groups observations of the same content.
func (w *work) exact(into map[int]int) {
	groups := map[string]int{}
	order := make([]int, 0, len(w.obs))
	for i := range w.obs {
		if !w.gone[i] && counts(&w.obs[i]) && !w.obs[i].Start.IsZero() {
			order = append(order, i)
		}
	}
	// What was filed for good stays before what was preliminary, then the lesser id.
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(standing(&w.obs[a]), standing(&w.obs[b])), strings.Compare(w.obs[a].ID, w.obs[b].ID))
	})
	w.report.Checked = len(order)
	for _, i := range order {
		s := w.signature(&w.obs[i])
		first, seen := groups[s]
		if !seen {
			groups[s] = i
			continue
		}
		into[i] = first
		kind, reason := ChangeDuplicate, "same measure, time and value as the reading it is merged into"
		if a, b := w.obs[i].DeviceID, w.obs[first].DeviceID; a != b && a != "" && b != "" {
			kind, reason = ChangeNearDuplicate, "same measure, time and value by another device"
		}
		w.noteMerged(i, first, kind, reason)
	}
}

// standing orders observations by their status: what was amended stands before what was final,
// and both before what was preliminary or registered only.
func standing(o *record.Observation) int {
	switch o.Status {
	case "amended", "corrected":
		return 0
	case "final":
		return 1
	}
	return 2
}

// signature is the content of an observation without its id and device. Values are compared
// as numbers: 7.40 is 7.4. Times are compared by the second, since not every format files more.
func (w *work) signature(o *record.Observation) string {
	var b strings.Builder
	b.WriteString(o.Start.Time.UTC().Format(time.RFC3339))
	b.WriteByte('|')
	if !o.End.IsZero() {
		b.WriteString(o.End.Time.UTC().Format(time.RFC3339))
	}
	write := func(c *record.Concept, v *record.Value) {
		_, key := w.limitsOf(c)
		if key == "" {
			key = c.Label()
			if len(c.Codings) > 0 {
				key = c.Codings[0].System + " " + c.Codings[0].Code
			}
		}
		b.WriteString("|" + key + "=" + valueSignature(v))
	}
	write(&o.Code, &o.Value)
	for i := range o.Components {
		write(&o.Components[i].Code, &o.Components[i].Value)
	}
	return b.String()
}

func valueSignature(v *record.Value) string {
	switch {
	case v.Quantity != nil:
		u := v.Quantity.Code
		if u == "" {
			u = v.Quantity.Unit
		}
		return v.Quantity.Comparator + strconv.FormatFloat(v.Quantity.Value.Float, 'g', 9, 64) + " " + u
	case v.Concept != nil:
		return "c " + v.Concept.Label()
	case v.Text != "":
		return "t " + v.Text
	case v.Bool != nil:
		return "b " + strconv.FormatBool(*v.Bool)
	case v.Integer != nil:
		return "i " + strconv.FormatInt(*v.Integer, 10)
	case v.Sampled != nil:
		h := fnv.New64a()
		var buf [8]byte
		for _, s := range v.Sampled.Samples {
			binary.LittleEndian.PutUint64(buf[:], math.Float64bits(s))
			_, _ = h.Write(buf[:])
		}
		return "s " + strconv.Itoa(len(v.Sampled.Samples)) + " " + strconv.FormatUint(h.Sum64(), 16)
	}
	return "a " + v.AbsentReason
}

func root(into map[int]int, i int) int {
	for {
		next, merged := into[i]
		if !merged {
			return i
		}
		i = next
	}
}

func (w *work) noteMerged(i, first int, kind ChangeKind, reason string) {
	w.note(Change{
		Kind: kind, Reading: "Observation/" + w.obs[i].ID, Component: -1, Into: "Observation/" + w.obs[first].ID, Reason: reason,
	})
}

// merge takes the duplicates away and has what stays name them, and what named them name it.
func (w *work) merge(into map[int]int) {
	renamed := map[string]string{}
	for i := range into {
		first := root(into, i)
		w.edit(i, true)
		w.gone[i] = true
		renamed[w.obs[i].ID] = w.obs[first].ID
		o := w.edit(first, true)
		o.DerivedFrom = append(o.DerivedFrom, w.obs[i].ID)
		o.DerivedFrom = append(o.DerivedFrom, w.obs[i].DerivedFrom...)
		w.mark(first, record.MarkMerged, true)
	}
	for i := range w.obs {
		o := &w.obs[i]
		if o.Has(record.MarkMerged) && w.owned[i] {
			slices.Sort(o.DerivedFrom)
			o.DerivedFrom = slices.Compact(o.DerivedFrom)
		}
		if members, changed := renameAll(o.Members, renamed); changed {
			w.edit(i, false).Members = members
		}
	}
	reports := slices.Clone(w.rec.Reports)
	for i := range reports {
		reports[i].Results, _ = renameAll(reports[i].Results, renamed)
	}
	w.rec.Reports = reports
}

func renameAll(ids []string, renamed map[string]string) ([]string, bool) {
	if !slices.ContainsFunc(ids, func(id string) bool { return renamed[id] != "" }) {
		return ids, false
	}
	var out []string
	for _, id := range ids {
		if to := renamed[id]; to != "" {
			id = to
		}
		if !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	return out, true
}
