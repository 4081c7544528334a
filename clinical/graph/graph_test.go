package graph_test

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/clinical/fhir"
	"github.com/bedside-lm/bedside/clinical/graph"
	"github.com/bedside-lm/bedside/clinical/note"
	"github.com/bedside-lm/bedside/clinical/prepare"
	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/terms"
)

func names(t testing.TB) *graph.Pseudonyms {
	p, err := graph.NewPseudonyms(bytes.Repeat([]byte("k"), graph.MinKey))
	require.NoError(t, err)
	return p
}

func sample(t testing.TB, file string) *record.PatientRecord {
	data, err := os.ReadFile("../../testdata/records/" + file)
	require.NoError(t, err)
	rec, err := fhir.Parse(data, fhir.Limits{})
	require.NoError(t, err)
	return prepare.Run(rec, prepare.Options{}).Record
}

func made(t testing.TB, rec *record.PatientRecord, opt graph.Options) *graph.Graph {
	opt.Pseudonyms = names(t)
	g, err := graph.FromRecord(rec, opt)
	require.NoError(t, err)
	return g
}

// says lists what is stated of a patient by a relation: the English names of nodes, and values.
func says(g *graph.Graph, p graph.Predicate) (out []string) {
	for _, tr := range g.Triples {
		if tr.Subject != g.Patient || tr.Predicate != p {
			continue
		}
		text := tr.Value.Text
		for _, n := range g.Nodes {
			if n.ID == tr.Object {
				text = n.Name(terms.English)
			}
		}
		out = append(out, text)
	}
	return out
}

func TestFromRecord(t *testing.T) {
	g := made(t, sample(t, "sepsis-icu.fhir.json"), graph.Options{Patient: "p1", Record: "r1"})
	require.Equal(t, "patient/p1", g.Patient)
	require.Equal(t, []string{"sepsis", "hypertension"}, says(g, graph.HasDiagnosis)[:2])
	known, linked := map[string]bool{}, 0
	for _, n := range g.Nodes {
		require.False(t, known[n.ID], "a node stands twice")
		known[n.ID] = true
		if n.Linked() {
			linked++
		}
	}
	require.Positive(t, linked)
	for _, tr := range g.Triples {
		require.True(t, known[tr.Subject], tr.Subject)
		require.True(t, tr.Object == "" || known[tr.Object], tr.Object)
		require.NotEqual(t, tr.Object == "", tr.Value.Text == "")
		require.NotEmpty(t, tr.Provenance)
		for _, p := range tr.Provenance {
			require.Positive(t, p.Confidence)
			require.Equal(t, p.Method == graph.MethodTable, p.Record == "")
		}
	}
}

// Whatever a record files in words of its own, and all its ids, stay out.
func TestNothingThatLeadsToAPerson(t *testing.T) {
	rec := sample(t, "sepsis-icu.fhir.json")
	said := "Wang Xiaoming 13800138000"
	rec.Patient.ID = "MRN-0012345"
	unknown := record.Concept{Text: said, Codings: []record.Coding{
		{System: record.SystemLOINC, Code: said, Display: said}, {System: "http://hospital", Code: "MRN0012345", Display: said},
	}}
	for i := range rec.Observations {
		o := &rec.Observations[i]
		o.ID = "MRN-0012345." + o.ID
		if i%2 == 0 {
			o.Code = unknown
		}
		if q := o.Value.Quantity; q != nil && i%3 == 0 {
			q.Unit, q.Code = said, "{Wang}"
		}
	}
	for i := range rec.Conditions {
		rec.Conditions[i].Code, rec.Conditions[i].Clinical = unknown, said
	}
	rec.Devices = append(rec.Devices, record.Device{ID: "MRN-0012345", Type: unknown, Manufacturer: said, Model: said})
	rec.Encounters[0].ID, rec.Encounters[0].Class = "MRN-0012345", said
	rec.Medications = append(rec.Medications, record.Medication{ID: "MRN-0012345", Code: unknown, DosageText: said, Route: unknown, Status: said})
	rec.Reports = append(rec.Reports, record.Report{ID: "MRN-0012345", Conclusion: said + " has pneumonia."})
	g := made(t, rec, graph.Options{})
	g.References = nil // the caller's alone
	text, err := json.Marshal(g)
	require.NoError(t, err)
	for _, part := range []string{"MRN", "0012345", "Wang", "Xiaoming", "13800138000"} {
		require.NotContains(t, string(text), part)
	}
	require.Contains(t, says(g, graph.HasDiagnosis), "pneumonia", "what stands in the words is read all the same")
}

func TestTheKeyMakesTheNames(t *testing.T) {
	rec := sample(t, "minimal.fhir.json")
	a, b := made(t, rec, graph.Options{}), made(t, rec, graph.Options{})
	require.Equal(t, a, b)
	other, err := graph.NewPseudonyms(bytes.Repeat([]byte("x"), graph.MinKey))
	require.NoError(t, err)
	c, err := graph.FromRecord(rec, graph.Options{Pseudonyms: other})
	require.NoError(t, err)
	require.NotEqual(t, a.Patient, c.Patient)
	_, err = graph.NewPseudonyms(make([]byte, graph.MinKey-1))
	require.ErrorAs(t, err, new(*graph.KeyError))
	_, err = graph.FromRecord(&record.PatientRecord{}, graph.Options{Pseudonyms: other})
	require.ErrorAs(t, err, new(*record.InvalidError))
	_, err = graph.FromRecord(rec, graph.Options{Pseudonyms: other, MaxTriples: 3})
	require.ErrorAs(t, err, new(*record.LimitError))
}

func TestLinking(t *testing.T) {
	code := func(system, code, text string) record.Concept {
		return record.Concept{Text: text, Codings: []record.Coding{{System: system, Code: code}}}
	}
	for _, c := range []struct {
		kind    graph.Kind
		concept record.Concept
		id      string
	}{
		{graph.KindMeasure, code(record.SystemIEEE11073, "147842", ""), "loinc/8867-4"},
		{graph.KindMeasure, record.Concept{Text: "脉搏"}, "loinc/8867-4"},
		{graph.KindDiagnosis, code(record.SystemICD10CM, "A41.02", ""), "icd10cm/A41.02"},
		{graph.KindDiagnosis, code(record.SystemSNOMED, "233604007", "words"), "snomed/233604007"},
		{graph.KindDrug, record.Concept{Text: "Paracetamol"}, "rxnorm/161"},
		{graph.KindAllergen, record.Concept{Text: "阿司匹林"}, "rxnorm/1191"},
		{graph.KindAllergen, record.Concept{Text: "latex"}, "term/allergen/latex"},
	} {
		rec := &record.PatientRecord{Patient: record.Patient{ID: "p"}}
		switch c.kind {
		case graph.KindMeasure:
			v := record.NewDecimal(1)
			rec.Observations = []record.Observation{{ID: "o", Code: c.concept, Value: record.Value{Quantity: &record.Quantity{Value: v}}}}
		case graph.KindDiagnosis:
			rec.Conditions = []record.Condition{{ID: "o", Code: c.concept}}
		case graph.KindDrug:
			rec.Medications = []record.Medication{{ID: "o", Code: c.concept}}
		default:
			rec.Allergies = []record.Allergy{{ID: "o", Code: c.concept}}
		}
		found := false
		for _, tr := range made(t, rec, graph.Options{}).Triples {
			found = found || tr.Predicate == graph.Of && tr.Object == c.id
		}
		require.True(t, found, c.id)
	}
}

func TestFromNote(t *testing.T) {
	for _, c := range []struct {
		text string
		want map[graph.Predicate][]string
	}{
		{"Pneumonia, no evidence of pulmonary embolism or heart failure.", map[graph.Predicate][]string{
			graph.HasDiagnosis: {"pneumonia"}, graph.Denied: {"pulmonary embolism", "heart failure"},
		}},
		{"Acute kidney injury was ruled out. Possible sepsis; given vancomycin.", map[graph.Predicate][]string{
			graph.Denied: {"acute kidney injury"}, graph.SuspectedOf: {"sepsis"}, graph.WasGiven: {"vancomycin"},
		}},
		{"History of hypertension. Allergic to penicillin.", map[graph.Predicate][]string{
			graph.HadDiagnosis: {"hypertension"}, graph.AllergicTo: {"penicillin"},
		}},
		{"诊断为肺炎，未见心力衰竭。疑似脓毒症，给予万古霉素。", map[graph.Predicate][]string{
			graph.HasDiagnosis: {"pneumonia"}, graph.Denied: {"heart failure"}, graph.SuspectedOf: {"sepsis"}, graph.WasGiven: {"vancomycin"},
		}},
		{"否认高血压，但有糖尿病。对青霉素过敏。", map[graph.Predicate][]string{
			graph.Denied: {"hypertension"}, graph.AllergicTo: {"penicillin"},
		}},
		{"The ward was quiet.", map[graph.Predicate][]string{}},
	} {
		g, err := graph.FromNote(graph.Note{ID: "n", Text: c.text}, graph.Options{Pseudonyms: names(t), Patient: "p"})
		require.NoError(t, err)
		for _, p := range graph.Features() {
			if p != graph.HasDiagnosis || c.want[p] != nil {
				require.ElementsMatch(t, c.want[p], says(g, p), "%s: %s", c.text, p)
			}
		}
		require.ElementsMatch(t, c.want[graph.Denied], says(g, graph.Denied), c.text)
	}
}

func TestFromNoteOfAModel(t *testing.T) {
	text := "Father had gout. BP 88/52 mmHg, temp 102.2 °F, lactate 4.1 mg/L. Given dupilumab. Sepsis?"
	piece := note.Pieces(text)[0]
	read, dropped := note.Read(piece.Text, piece.Lang, piece.Found, piece.Loose, strings.Join([]string{
		" gout|family|patient", " BP|value|88/52 mmHg", " temp|value|102.2 °F", " lactate|value|4.1 mg/L", " dupilumab|given|patient", " Sepsis|possible|patient",
	}, "\n"))
	require.Zero(t, dropped)
	for i := range read {
		read[i].Probability = 0.9
	}
	read[5].Probability = 0.4
	g, err := graph.FromNote(graph.Note{ID: "n", Text: text, By: "m 1 sha256:x", Statements: read, Least: 0.5}, graph.Options{Pseudonyms: names(t), Patient: "p"})
	require.NoError(t, err)
	require.Equal(t, []string{"gout"}, says(g, graph.FamilyHistory))
	require.Equal(t, map[string]int{"unsure": 1, "value": 1}, g.Dropped)
	var values []string
	for _, tr := range g.Triples {
		switch tr.Predicate {
		case graph.MeasuredAs:
			values = append(values, tr.Value.Text)
		case graph.WasGiven:
			require.True(t, strings.HasPrefix(tr.Object, "unlinked/drug/"))
			require.NotContains(t, tr.Object, "dupilumab")
			from := tr.Provenance[0]
			require.Equal(t, "m 1 sha256:x", from.By)
			require.Equal(t, graph.MethodModel, from.Method)
			require.InDelta(t, 0.9, from.Confidence, 0)
			require.True(t, strings.HasSuffix(from.Source, "#72-81"), from.Source)
		default:
		}
	}
	require.ElementsMatch(t, []string{"88 mm[Hg]", "52 mm[Hg]", "39 Cel"}, values)
}

// A source that files one drug's code with another's name is believed in neither.
func TestCodeAndWordsThatDisagree(t *testing.T) {
	rec := &record.PatientRecord{Patient: record.Patient{ID: "p"}, Medications: []record.Medication{{ID: "m", Administered: true, Code: record.Concept{
		Codings: []record.Coding{{System: record.SystemRxNorm, Code: "7417", Display: "Nicardipine"}},
	}}}}
	g := made(t, rec, graph.Options{})
	require.Equal(t, []string{"nifedipine"}, says(g, graph.WasGiven))
	for _, tr := range g.Triples {
		if tr.Predicate == graph.WasGiven {
			require.InDelta(t, 0.5, tr.Confidence(), 0)
		}
	}
}
