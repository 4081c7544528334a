package rules

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/terms"
)

// maxSame is how many orders of one drug, or conditions of one kind, are told; every finding about them lists them.
const maxSame = 64

// readMedication collects what the patient is on: orders that stand, and doses of the last day.
func (p *patient) readMedication() {
	for i := range p.rec.Medications {
		m := &p.rec.Medications[i]
		if !p.current(m) {
			continue
		}
		kind := "MedicationRequest/"
		if m.Administered {
			kind = "MedicationAdministration/"
		}
		found := drugsIn(m.Code)
		for _, e := range found {
			p.given[e.Key] = append(p.given[e.Key], Against{Entry: e, Evidence: kind + m.ID})
		}
		if len(found) == 0 {
			p.unread = append(p.unread, Unread{Kind: "medication", Label: m.Code.Label(), Evidence: kind + m.ID})
		}
	}
	for key, as := range p.given {
		sortAgainst(as)
		p.given[key] = slices.Clone(as[:min(len(as), maxSame)])
	}
}

// current says whether a medication is one that the patient is on. One that is paused may go on
// any moment, so it counts; so does an order of which no status is filed.
func (p *patient) current(m *record.Medication) bool {
	switch m.Status {
	case "stopped", "cancelled", "entered-in-error", "draft", "not-done":
		return false
	case "completed":
		if !m.Administered {
			return false
		}
	}
	if m.Start.Time.After(p.at) {
		return false
	}
	end := m.End
	if !m.Administered {
		return end.IsZero() || !p.at.After(endOf(end))
	}
	if end.IsZero() && m.Status != "in-progress" {
		end = m.Start
	}
	return end.IsZero() || !p.at.After(endOf(end).Add(givenFor))
}

// endOf is the last moment of a time: that of its year, month or day where no more is filed.
func endOf(d record.DateTime) time.Time {
	switch d.Precision {
	case record.PrecisionYear:
		return d.Time.AddDate(1, 0, 0)
	case record.PrecisionMonth:
		return d.Time.AddDate(0, 1, 0)
	case record.PrecisionDay:
		return d.Time.AddDate(0, 0, 1)
	default:
		return d.Time
	}
}

// allergy is one allergy as rules see it.
type allergy struct {
	drugs    map[string]bool // keys of the drugs that it names, or that are of the class that it names
	named    map[string]bool // keys of the drugs that it names themselves
	allergen *terms.Entry    // an allergen that is no drug
	grave    truth
	is       Against
}

// none matches what is filed to say that there are no allergies.
var none = regexp.MustCompile(`(?i)^\s*(no known|no (drug )?allerg|nkda\b|nka\b|none known)|无已知|否认.*过敏|无.*过敏史|未发现.*过敏`)

// noneCodes are SNOMED CT's for it: no known allergy, no known drug allergy.
var noneCodes = map[string]bool{"716186003": true, "409137002": true}

func (p *patient) readAllergies() {
	p.state = AllergiesNotFiled
	denied := false
	for i := range p.rec.Allergies {
		a := &p.rec.Allergies[i]
		if a.Verification == "refuted" || a.Verification == "entered-in-error" || a.Clinical == "resolved" || a.Clinical == "inactive" {
			continue
		}
		if noneCodes[a.Code.Code(record.SystemSNOMED)] || none.MatchString(a.Code.Label()) {
			denied = true
			continue
		}
		p.state = AllergiesFiled
		p.allergens = append(p.allergens, p.readAllergy(a))
	}
	sortAgainst(p.allergens)
	if denied && p.state != AllergiesFiled {
		p.state = AllergiesNone
	}
}

// readAllergy gives what the allergy is to, with an entry where tables know it as one thing.
func (p *patient) readAllergy(a *record.Allergy) Against {
	out := allergy{drugs: map[string]bool{}, named: map[string]bool{}, grave: graveness(a), is: Against{Label: a.Code.Label(), Evidence: "AllergyIntolerance/" + a.ID}}
	e, _ := terms.Find("allergen", a.Code)
	if e != nil {
		out.is.Entry, out.allergen = e, e
	}
	for _, class := range classesIn(a.Code, e) {
		out.is.Entry = class
		for _, d := range members(class) {
			out.drugs[d.Key] = true
		}
	}
	found := drugsIn(a.Code)
	if e != nil {
		found = append(found, drugsIn(record.Concept{Text: e.Name(terms.English)})...)
	}
	for _, d := range found {
		out.drugs[d.Key], out.named[d.Key], out.is.Entry = true, true, d
	}
	if len(out.drugs) == 0 && e == nil {
		p.unread = append(p.unread, Unread{Kind: "allergy", Label: a.Code.Label(), Evidence: out.is.Evidence})
		return out.is
	}
	p.allergies = append(p.allergies, out)
	if len(out.named) > 1 {
		return Against{Entry: e, Label: out.is.Label, Evidence: out.is.Evidence}
	}
	return out.is
}

// classesIn finds the classes of drugs that an allergy names.
func classesIn(c record.Concept, allergen *terms.Entry) []*terms.Entry {
	found := map[string]*terms.Entry{}
	texts := words(c)
	if allergen != nil {
		texts = append(texts, allergen.Name(terms.English))
	}
	for _, s := range texts {
		for _, e := range scan(s) {
			if e.Kind == "drug-class" {
				found[e.Key] = e
			}
		}
		if e := terms.ByName("drug-class", strings.TrimSuffix(strings.ToLower(s), "s")+"s"); e != nil {
			found[e.Key] = e
		}
	}
	return sorted(found)
}

// graveReactions name anaphylaxis and the severe reactions of skin and organs.
var graveReactions = regexp.MustCompile(`(?i)anaphyla|angio-?o?edema|stevens|epidermal necrolysis|\bdress\b|laryng|shock|过敏性休克|血管性水肿|喉头水肿|坏死松解|剥脱性`)

// graveness says whether an allergy's reaction was grave. With neither criticality nor reaction filed nothing tells.
func graveness(a *record.Allergy) truth {
	for _, r := range a.Reactions {
		for _, s := range words(r) {
			if graveReactions.MatchString(s) {
				return yes
			}
		}
	}
	switch {
	case a.Criticality == "high":
		return yes
	case a.Criticality == "low", len(a.Reactions) > 0 && a.Criticality == "":
		return no
	}
	return unknown
}
