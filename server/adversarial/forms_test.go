package adversarial

import (
	"fmt"
	"strings"

	"github.com/bedside-lm/bedside/clinical/fhir"
	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
	"github.com/bedside-lm/bedside/server/convert"
)

// typed is a record as messages. What FHIR would refuse is put into them afterwards.
func typed(m *maker) attack {
	s := injected(m.number)
	rec, err := fhir.Parse([]byte(ordinary(m).json()), fhir.Limits{})
	if err != nil {
		panic(err) // of a record that nothing was done to
	}
	p := convert.RecordToProto(rec)
	o := p.Observations[0]
	places := []struct {
		name    string
		refused bool
		plant   func()
	}{
		{"id", true, func() { p.Patient.Id = s }},
		{"sex", true, func() { p.Patient.Sex = s }},
		{"birth date", true, func() { p.Patient.BirthDate = s }},
		{"value", true, func() { o.Value.GetQuantity().Value = s }},
		{"value without an end", true, func() { o.Value.GetQuantity().Value = strings.Repeat("9", 33) }},
		{"NaN", true, func() { o.Value.GetQuantity().Value = "NaN" }},
		{"time", true, func() { o.Start = s }},
		{"mark", false, func() { o.Marks = []string{"MAGNOLIA"} }},
		{"unit", false, func() { o.Value.GetQuantity().Unit, o.Value.GetQuantity().Code = "MAGNOLIA units", "" }},
		{"status", true, func() { o.Status = "MAGNOLIA" }},
		{"diagnosis", false, func() { p.Conditions[0].Code = &bedsidev1.Concept{Text: s} }},
		{"dosage", false, func() { p.Medications[0].DosageText = s }},
		{"end before the start", false, func() { p.Encounters[0].Start, p.Encounters[0].End = p.Encounters[0].End, p.Encounters[0].Start }},
		{"members of themselves", false, func() { o.MemberIds = []string{o.Id, o.Id, "none"} }},
		{"the same id twice", true, func() { p.Observations[1].Id = o.Id }},
		{"no code", true, func() { o.Code = nil }},
		{"no value", false, func() { o.Value = &bedsidev1.Value{} }},
		{"class", false, func() { p.Encounters[0].Class = "MAGNOLIA" }},
		{"severity", false, func() { p.Conditions[0].Severity = &bedsidev1.Concept{Text: s} }},
		{"conclusion", false, func() {
			p.Reports = []*bedsidev1.Report{{Id: "d1", Code: &bedsidev1.Concept{Text: "chest radiograph"}, Conclusion: strings.Repeat(s, 9)}}
		}},
	}
	at := places[m.number%len(places)]
	at.plant()
	return attack{
		name: at.name, refused: at.refused,
		source: &bedsidev1.RecordSource{Source: &bedsidev1.RecordSource_Record{Record: p}},
	}
}

const columns = `
patient: {id: patient, sex: sex, birth_date: born}
time: {columns: [at], layouts: ["YYYY-MM-DD hh:mm"], zone: UTC}
wide:
  - {column: HR, code: 8867-4, unit: /min}
  - {column: rhythm, code: 8884-9, words: true}
`

// tabular is a table of readings with a text in one of its columns, or in its mapping.
func tabular(m *maker) attack {
	s := injected(m.number)
	quoted := func(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }
	mapping, header := columns, "patient,sex,born,at,HR,rhythm\n"
	cells := []string{"p1", "female", "1961", "2025-03-02 08:00", fmt.Sprint(60 + m.IntN(80)), "sinus"}
	name := ""
	switch at := m.number % 10; {
	case at < len(cells):
		name, cells[at] = "cell "+strings.Split(strings.TrimSpace(header), ",")[at], quoted(s)
	case at == 6:
		name, header = "heading", strings.Replace(header, "HR", quoted(s), 1)
	case at == 7:
		name, mapping = "mapping", strings.Replace(columns, "8867-4", quoted(s), 1)
	case at == 8:
		name, cells[4] = "formula", `"=HYPERLINK(""https://example.org"",""MAGNOLIA"")"`
	default:
		name, cells = "too many cells", append(cells, quoted(s))
	}
	rows := strings.Repeat(strings.Join(cells, ",")+"\n", 2)
	return attack{name: name, source: &bedsidev1.RecordSource{Source: &bedsidev1.RecordSource_Csv{Csv: &bedsidev1.CsvSource{Data: header + rows, Mapping: mapping}}}}
}
