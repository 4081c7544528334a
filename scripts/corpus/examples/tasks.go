package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/bedside-lm/bedside/clinical/prepare/features"
	"github.com/bedside-lm/bedside/clinical/prompt"
	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/render"
	"github.com/bedside-lm/bedside/clinical/terms"
)

var languages = []terms.Lang{terms.English, terms.Chinese}

// stay makes all examples of one stay: of training stays several draws, in varied layouts; of
// others one, in the layout that models are asked in.
func (m *maker) stay(s *stay) made {
	var out made
	draws := 1
	if s.part == "train" {
		draws = m.set.draws
	}
	for draw := range draws {
		rec := m.prepared(s, draw)
		values, of := features.Extract(rec), readings(rec)
		for _, w := range windows {
			p := m.pools[w]
			even := p.neutral(within(of, w), m.random(s.id, fmt.Sprint("fill", w), draw))
			m.diagnosis(&out, s, shown{
				row:   row{window: w, tests: neutral, patient: s.id, code: s.code, draw: draw, values: p.numbers(even, values)},
				sheet: p.sheet(even, values),
			})
			if draw == 0 {
				seen := shown{
					row:   row{window: w, tests: visible, patient: s.id, code: s.code, values: visibleNumbers(values, w)},
					sheet: prompt.Read(values, w, nil),
				}
				m.diagnosis(&out, s, seen)
				m.others(&out, s, seen)
			}
		}
		if draw == 0 {
			m.text(&out, s, rec)
		}
	}
	return out
}

// shown is what models are shown of a patient: the same in numbers and as a sheet to be written.
type shown struct {
	row
	sheet prompt.Sheet
}

func (m *maker) add(out *made, s *stay, r *row, lang terms.Lang, task, prompt, answer string) {
	if answer == "" {
		return
	}
	out.examples = append(out.examples, example{
		ID:      fmt.Sprintf("%s-%dh-%s-%d-%s-%s", s.id, r.window.Hours(), r.tests, r.draw, lang, task),
		Patient: s.id, Disease: s.code, Hours: r.window.Hours(), Tests: r.tests, Draw: r.draw,
		Language: string(lang), Task: task, Prompt: prompt, Answer: answer,
	})
}

// write puts what is shown into words, of training patients now and then in another layout. The
// sheet is what stands there.
func (m *maker) write(s *stay, r *shown, lang terms.Lang, task string) (sheet prompt.Sheet, text string) {
	sheet, style := r.sheet, prompt.Style{Lang: lang, Steps: task == "diagnosis" || task == "treatment"}
	sheet.Items = slices.Clone(sheet.Items)
	if s.part == "train" {
		rng := m.random(s.id, fmt.Sprint("style", r.window, r.tests, task, lang), r.draw)
		if rng.Float64() >= m.set.canonical {
			m.vary(&sheet, &style, r.tests, rng)
		}
	}
	return sheet, prompt.Write(sheet, style)
}

// vary changes how a sheet is written, what is missing and what stands there besides.
func (m *maker) vary(sheet *prompt.Sheet, style *prompt.Style, tests string, rng *rand.Rand) {
	style.Steps = style.Steps && rng.Float64() < 0.5
	style.Long, style.Units = rng.Float64() < 0.15, rng.Float64() < 0.15
	style.NoMarks, style.NoExtremes = rng.Float64() < 0.2, rng.Float64() < 0.2
	style.Separator = []string{" ", " ", ", ", "; ", " | "}[rng.IntN(5)]
	if rng.Float64() < 0.5 {
		missing := 0.3 * rng.Float64()
		sheet.Items = slices.DeleteFunc(sheet.Items, func(prompt.Item) bool { return rng.Float64() < missing })
	}
	if tests == neutral && rng.Float64() < 0.3 {
		m.pools[sheet.Window].distract(sheet, rng)
	}
	switch rng.IntN(3) {
	case 0:
		rng.Shuffle(len(sheet.Items), func(i, j int) { sheet.Items[i], sheet.Items[j] = sheet.Items[j], sheet.Items[i] })
	case 1:
		sheet.Items = prompt.ByGrade(sheet.Items)
	}
}

// distract adds one to three measures that neutral records do not show, of patients drawn by lot.
func (p *pool) distract(sheet *prompt.Sheet, rng *rand.Rand) {
	var rare []string
	for _, code := range features.Measures() {
		if len(p.having[code]) > 0 && p.shows[code] == 0 {
			rare = append(rare, code)
		}
	}
	rng.Shuffle(len(rare), func(i, j int) { rare[i], rare[j] = rare[j], rare[i] })
	for _, code := range rare[:min(len(rare), 1+rng.IntN(3))] {
		v := p.donor(code, 1, rng)[0]
		e := terms.Measure(code)
		sheet.Items = append(sheet.Items, prompt.Item{Entry: e, Last: v, Min: v, Max: v, Readings: 1, Grade: prompt.Grade(e, v, sheet.Female == 1)})
	}
}

// diagnosis asks what the patient has. The answer is the code, then the name. The draws of a
// training patient take turns in language: another draw teaches more than another language.
func (m *maker) diagnosis(out *made, s *stay, r shown) {
	out.rows = append(out.rows, r.row)
	asked := languages
	if s.part == "train" && r.tests == neutral {
		asked = languages[(r.draw+int(r.window))%2:][:1]
	}
	for _, lang := range asked {
		_, text := m.write(s, &r, lang, "diagnosis")
		m.add(out, s, &r.row, lang, "diagnosis", text, diagnosisName(s.code, lang))
	}
}

func diagnosisName(code string, lang terms.Lang) string {
	e, _ := terms.Find("diagnosis", record.Concept{Codings: []record.Coding{{System: record.SystemICD10CM, Code: code}}})
	if e == nil {
		return code
	}
	return code + " " + e.Name(lang)
}

// others asks for treatment, a summary and triples.
func (m *maker) others(out *made, s *stay, r shown) {
	for _, lang := range languages {
		_, text := m.write(s, &r, lang, "treatment")
		m.add(out, s, &r.row, lang, "treatment", text+"\n"+diagnosisName(s.code, lang), treatment(s.rec, lang))
		sheet, text := m.write(s, &r, lang, "summary")
		m.add(out, s, &r.row, lang, "summary", text, summary(sheet, lang))
		sheet, text = m.write(s, &r, lang, "triples")
		m.add(out, s, &r.row, lang, "triples", text, triples(sheet, lang))
	}
}

// treatment lists what was ordered within a day of admission, in the order of the table of terms.
func treatment(rec *record.PatientRecord, lang terms.Lang) string {
	admitted, ok := features.Admission(rec)
	if !ok {
		return ""
	}
	var drugs []*terms.Entry
	for i := range rec.Medications {
		o := &rec.Medications[i]
		if o.Administered || o.Start.IsZero() || o.Start.Time.Sub(admitted) > 24*time.Hour {
			continue
		}
		if e, _ := terms.Find("drug", o.Code); e != nil && !slices.Contains(drugs, e) {
			drugs = append(drugs, e)
		}
	}
	slices.SortFunc(drugs, func(a, b *terms.Entry) int { return a.Rank - b.Rank })
	names := make([]string, len(drugs))
	for i, e := range drugs {
		names[i] = e.Name(lang)
	}
	if lang == terms.Chinese {
		return strings.Join(names, "、")
	}
	return strings.Join(names, ", ")
}

// text puts the record into words as people are shown it, of a length that models can take.
func (m *maker) text(out *made, s *stay, rec *record.PatientRecord) {
	for i, lang := range languages {
		style := render.Style((int(m.random(s.id, "text", 0).Uint32()) + i) % 2)
		doc := render.Render(rec, render.Options{Lang: lang, Style: style, RelativeTimes: true, TokenBudget: 260, OmitFreeText: true})
		m.add(out, s, &row{window: features.FirstDay, tests: visible}, lang, "text", "", doc.Text())
	}
}

func known(v float64) bool { return !math.IsNaN(v) }
