package hl7v2

import (
	"slices"

	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/terms"
)

// pressure is one of the numbers of a blood pressure: which one, and of which measurement, since
// a monitor may send cuff and catheter at once.
type pressure struct{ part, family string }

const (
	systolic  = "systolic"
	diastolic = "diastolic"
	mean      = "mean"
)

// pressureCodes are the codes of LOINC and of ISO/IEEE 11073-10101 (noninvasive; arterial, of two
// kinds; unspecified).
var pressureCodes = map[string]pressure{
	"8480-6": {systolic, "loinc"}, "8462-4": {diastolic, "loinc"}, "8478-0": {mean, "loinc"},
	"150021": {systolic, "nibp"}, "150022": {diastolic, "nibp"}, "150023": {mean, "nibp"},
	"150033": {systolic, "art"}, "150034": {diastolic, "art"}, "150035": {mean, "art"},
	"150037": {systolic, "abp"}, "150038": {diastolic, "abp"}, "150039": {mean, "abp"},
	"150017": {systolic, "mdc"}, "150018": {diastolic, "mdc"}, "150019": {mean, "mdc"},
}

// pressures joins what HL7 v2 sends as separate OBX and FHIR's vital signs have as components of
// one observation: systolic and diastolic pressure, and the mean if there is one, of the same
// kind, moment, device, status and group of results. What has no other half stays alone.
func (r *reader) pressures(first int) {
	type spot struct {
		family, device, status, moment string
		encounter                      string
		report                         int
	}
	groups := map[spot]map[string][]int{}
	var order []spot
	obs := r.rec.Observations
	for i := first; i < len(obs); i++ {
		o := &obs[i]
		p, known := pressureOf(o.Code)
		if !known || o.Value.Quantity == nil || o.Start.IsZero() {
			continue
		}
		at := spot{p.family, o.DeviceID, o.Status, o.Start.String(), o.EncounterID, r.groups[i]}
		if groups[at] == nil {
			groups[at] = map[string][]int{}
			order = append(order, at)
		}
		groups[at][p.part] = append(groups[at][p.part], i)
	}
	gone := map[int]bool{}
	for _, at := range order {
		g := groups[at]
		if len(g[systolic]) != 1 || len(g[diastolic]) != 1 || len(g[mean]) > 1 {
			continue // one half, or more readings than a moment has
		}
		joined := r.join(append(append(slices.Clone(g[systolic]), g[diastolic]...), g[mean]...))
		for _, i := range joined[1:] {
			gone[i] = true
		}
	}
	if len(gone) == 0 {
		return
	}
	r.drop(first, gone)
}

func pressureOf(c record.Concept) (pressure, bool) {
	for _, k := range c.Codings {
		if k.System == record.SystemLOINC || k.System == record.SystemIEEE11073 {
			if p, known := pressureCodes[k.Code]; known {
				return p, true
			}
		}
	}
	return pressure{}, false
}

// bloodPressure is LOINC's panel, as FHIR's profile of vital signs wants it.
const bloodPressure = "85354-9"

// join makes the readings components of a new one in place of that which was sent first, and
// returns their indexes with that one in front.
func (r *reader) join(parts []int) []int {
	obs := r.rec.Observations
	keep := slices.Min(parts)
	o := obs[keep]
	panel := record.Observation{
		ID: o.ID, Status: o.Status, Category: "vital-signs", Start: o.Start, End: o.End, EncounterID: o.EncounterID, DeviceID: o.DeviceID,
		Code: record.Concept{Codings: []record.Coding{{System: record.SystemLOINC, Code: bloodPressure, Display: terms.Measure(bloodPressure).Name(terms.English)}}},
	}
	for _, i := range parts {
		panel.Components = append(panel.Components, record.Component{
			Code: obs[i].Code, Value: obs[i].Value, Interpretation: obs[i].Interpretation, Reference: obs[i].Reference,
		})
	}
	obs[keep] = panel
	return append([]int{keep}, slices.DeleteFunc(slices.Clone(parts), func(i int) bool { return i == keep })...)
}

// drop takes observations away, from reports too.
func (r *reader) drop(first int, gone map[int]bool) {
	names := map[string]bool{}
	kept := r.rec.Observations[:first]
	for i, o := range r.rec.Observations[first:] {
		if gone[first+i] {
			names[o.ID] = true
			continue
		}
		kept = append(kept, o)
	}
	clear(r.rec.Observations[len(kept):])
	r.rec.Observations = kept
	for i := range r.rec.Reports {
		p := &r.rec.Reports[i]
		p.Results = slices.DeleteFunc(p.Results, func(id string) bool { return names[id] })
	}
}
