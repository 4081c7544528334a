package deid

import (
	"github.com/bedside-lm/bedside/clinical/record"
)

// KnownFHIR is what a FHIR document (a resource, or one a line) says of its people; nothing where it cannot be read.
func KnownFHIR(doc string) *Known {
	r := &fhirReader{job: &job{known: NewKnown(), policy: DefaultPolicy(), lang: Auto}}
	if t, err := parseJSON(doc, 0, len(doc), Limits{}.withDefaults()); err == nil {
		r.tree = t
		r.collect(0, "")
	}
	return r.known
}

// KnownHL7v2 is KnownFHIR for HL7 v2 messages.
func KnownHL7v2(doc string) *Known {
	h := &hl7Reader{job: &job{known: NewKnown()}, doc: doc}
	if err := h.segments(); err == nil {
		h.collect()
	}
	return h.known
}

// standard are the code systems whose words are the system's own, and no one's notes.
var standard = map[string]bool{
	record.SystemLOINC: true, record.SystemUCUM: true, record.SystemRxNorm: true, record.SystemICD10: true, record.SystemICD10CM: true,
	record.SystemSNOMED: true, record.SystemIEEE11073: true, record.SystemCVX: true, record.SystemATC: true,
}

// Record takes the identifiers out of the free text of a record, in place: what people wrote as text, not words of code systems.
// It says how many there were. known is asked for only where there is text to look through; it may be nil.
func Record(rec *record.PatientRecord, policy Policy, known func() *Known) (int, error) {
	keys, err := PassingKeys()
	if err != nil {
		return 0, err
	}
	s := &scrubber{job: &job{policy: policy, keys: keys, lang: Auto}, ask: known, seen: map[string]string{}}
	s.record(rec)
	return s.count, nil
}

type scrubber struct {
	*job
	ask   func() *Known
	seen  map[string]string // texts repeat a thousandfold
	count int
}

// shortText is the length up to which a text holds no identifier that is worth a look: an abbreviation, a unit.
const shortText = 3

func (s *scrubber) text(text *string) {
	if len(*text) <= shortText || len(*text) > maxText {
		return
	}
	if done, ok := s.seen[*text]; ok {
		*text = done
		return
	}
	if s.ask != nil {
		s.known, s.ask = s.ask(), nil
	}
	old := *text
	s.edits = s.edits[:0]
	s.job.text(old, "", func(at int) int { return at }, func(x string) string { return x })
	s.count += len(s.edits)
	if r, err := s.done(old, false); err == nil { // without a seal there is none
		*text = r.Text
	}
	s.seen[old] = *text
}

func (s *scrubber) concept(c *record.Concept) {
	s.text(&c.Text)
	for i := range c.Codings {
		if !standard[c.Codings[i].System] {
			s.text(&c.Codings[i].Display)
		}
	}
}

func (s *scrubber) concepts(cs []record.Concept) {
	for i := range cs {
		s.concept(&cs[i])
	}
}

func (s *scrubber) value(v *record.Value, ref *record.Range) {
	s.text(&v.Text)
	if v.Concept != nil {
		s.concept(v.Concept)
	}
	if ref != nil {
		s.text(&ref.Text)
	}
}

func (s *scrubber) record(r *record.PatientRecord) {
	for i := range r.Encounters {
		s.concepts(r.Encounters[i].Reasons)
		s.concept(&r.Encounters[i].Service)
	}
	for i := range r.Devices {
		d := &r.Devices[i]
		s.concept(&d.Type)
		s.text(&d.Model)
	}
	for i := range r.Observations {
		o := &r.Observations[i]
		s.concept(&o.Code)
		s.value(&o.Value, o.Reference)
		for k := range o.Components {
			s.concept(&o.Components[k].Code)
			s.value(&o.Components[k].Value, o.Components[k].Reference)
		}
	}
	for i := range r.Conditions {
		s.concept(&r.Conditions[i].Code)
		s.concept(&r.Conditions[i].Severity)
	}
	for i := range r.Medications {
		m := &r.Medications[i]
		s.concept(&m.Code)
		s.concept(&m.Route)
		s.text(&m.DosageText)
		s.concepts(m.Reasons)
	}
	for i := range r.Allergies {
		s.concept(&r.Allergies[i].Code)
		s.concepts(r.Allergies[i].Reactions)
	}
	for i := range r.Reports {
		s.concept(&r.Reports[i].Code)
		s.text(&r.Reports[i].Conclusion)
		s.concepts(r.Reports[i].Codes)
	}
	for i := range r.Procedures {
		s.concept(&r.Procedures[i].Code)
	}
	for i := range r.Immunizations {
		s.concept(&r.Immunizations[i].Code)
	}
}
