package render_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/render"
	"github.com/bedside-lm/bedside/clinical/terms"
)

var both = []render.Lang{render.English, render.Chinese}

func moment(s string) record.DateTime {
	d, err := record.ParseDateTime(s)
	if err != nil {
		panic(err)
	}
	return d
}

func loinc(code string) record.Concept {
	return record.Concept{Codings: []record.Coding{{System: record.SystemLOINC, Code: code}}}
}

func amount(text, unit string) *record.Quantity {
	d, err := record.ParseDecimal(text)
	if err != nil {
		panic(err)
	}
	return &record.Quantity{Value: d, Unit: unit, Code: unit}
}

func vital(id, code, value, unit, at string) record.Observation {
	return record.Observation{ID: id, Status: "final", Category: "vital-signs", Code: loinc(code), Start: moment(at), Value: record.Value{Quantity: amount(value, unit)}}
}

// TestFacts renders one thing at a time and looks for the line it must give.
func TestFacts(t *testing.T) {
	adult := record.Patient{ID: "secret", Sex: "female", BirthDate: moment("1960-03-10")}
	const t0, t1, t2 = "2026-03-02T08:00:00+08:00", "2026-03-02T10:30:00+08:00", "2026-03-03T08:00:00+08:00"
	obs := func(os ...record.Observation) *record.PatientRecord {
		return &record.PatientRecord{Patient: adult, Observations: os}
	}
	refused := record.Quantity{Value: record.Decimal{Float: 5, Text: "5"}, Comparator: "<", Unit: "mg/L", Code: "mg/L"}
	for _, c := range []struct {
		name, en, zh string
		rec          *record.PatientRecord
	}{
		{"single value in range", "Heart rate: 80/min at 2026-03-02 08:00.", "心率：2026-03-02 08:00 为80次/分。", obs(vital("a", "8867-4", "80", "/min", t0))},
		{"digits as filed", "Body temperature: 37.00 °C at 2026-03-02 08:00.", "体温：2026-03-02 08:00 为37.00℃。", obs(vital("a", "8310-5", "37.00", "Cel", t0))},
		{"table's range", "Heart rate: 130/min (high, reference 60 to 100) at 2026-03-02 08:00.", "心率：2026-03-02 08:00 为130次/分（偏高，参考范围60至100）。", obs(vital("a", "8867-4", "130", "/min", t0))},
		{"two values, other day", "Heart rate: 80/min at 2026-03-02 08:00, 95/min at 2026-03-03 08:00; 2 readings in 24 h, rising.", "心率：2026-03-02 08:00 为80次/分，2026-03-03 08:00 为95次/分；24小时内2次读数，上升。", obs(vital("b", "8867-4", "95", "/min", t2), vital("a", "8867-4", "80", "/min", t0))},
		{"stable pH is narrow", "Blood pH: 7.20 (low) at 2026-03-02 08:00, 7.36 at 10:30; 2 readings in 2.5 h, rising.", "血液酸碱度：2026-03-02 08:00 为7.20（偏低），10:30 为7.36；2.5小时内2次读数，上升。", obs(vital("a", "2744-1", "7.20", "[pH]", t0), vital("b", "2744-1", "7.36", "[pH]", t1))},
		{"comparator", "C-reactive protein: <5 mg/L at 2026-03-02 08:00.", "C反应蛋白：2026-03-02 08:00 为<5 mg/L。", obs(record.Observation{ID: "a", Status: "final", Code: loinc("1988-5"), Start: moment(t0), Value: record.Value{Quantity: &refused}})},
		{"unknown code", "Frobnication (99999-9): 3 zorks at 2026-03-02 08:00.", "Frobnication（99999-9）：2026-03-02 08:00 为3 zorks。", obs(record.Observation{ID: "a", Status: "final", Code: record.Concept{Text: "Frobnication", Codings: []record.Coding{{System: record.SystemLOINC, Code: "99999-9"}}}, Start: moment(t0), Value: record.Value{Quantity: amount("3", "zorks")}})},
		{"pressure pair", "Blood pressure: 86/48 mmHg (systolic low, reference 111 to 219) at 2026-03-02 08:00.", "血压：2026-03-02 08:00 为86/48 mmHg（收缩压偏低，参考范围111至219）。", obs(record.Observation{ID: "a", Status: "final", Code: loinc("85354-9"), Start: moment(t0), Components: []record.Component{
			{Code: loinc("8480-6"), Value: record.Value{Quantity: amount("86", "mm[Hg]")}}, {Code: loinc("8462-4"), Value: record.Value{Quantity: amount("48", "mm[Hg]")}}}})},
		{"entered in error is left out", "Not filed: heart rate, blood pressure, respiratory rate, oxygen saturation, body temperature.", "未记录：心率、血压、呼吸频率、血氧饱和度、体温。", obs(record.Observation{ID: "a", Status: "entered-in-error", Code: loinc("8867-4"), Value: record.Value{Quantity: amount("80", "/min")}})},
		{"old age is not told", "Patient: male, 90 or older.", "患者：男，90岁及以上。", &record.PatientRecord{Patient: record.Patient{Sex: "male", BirthDate: moment("1930")}, Observations: []record.Observation{vital("a", "8867-4", "80", "/min", t0)}}},
		{"birth year alone", "Patient: male, 65 to 66 years old.", "患者：男，65至66岁。", &record.PatientRecord{Patient: record.Patient{Sex: "male", BirthDate: moment("1960")}, Observations: []record.Observation{vital("a", "8867-4", "80", "/min", t0)}}},
		{"infant", "Patient: female, 5 months old.", "患者：女，5个月。", &record.PatientRecord{Patient: record.Patient{Sex: "female", BirthDate: moment("2025-09-15")}, Observations: []record.Observation{vital("a", "8867-4", "130", "/min", t0)}}},
		{"ICD category", "Diagnosis: Sepsis due to MRSA.", "诊断：其他脓毒症。", &record.PatientRecord{Conditions: []record.Condition{{ID: "c", Verification: "confirmed", Code: record.Concept{Text: "Sepsis due to MRSA", Codings: []record.Coding{{System: record.SystemICD10CM, Code: "A41.02"}}}}}}},
		{"refuted", "Ruled out: pulmonary embolism.", "已排除：肺栓塞。", &record.PatientRecord{Conditions: []record.Condition{{ID: "c", Verification: "refuted", Code: record.Concept{Text: "Pulmonary embolism"}}}}},
		{"no known allergies", "No known allergies are filed.", "未记录已知过敏。", &record.PatientRecord{Allergies: []record.Allergy{{ID: "a", Code: record.Concept{Text: "No known allergy"}}}}},
		{"doses folded", "Given: ceftriaxone 2 g, completed, 2 times, from 2026-03-02 08:00 to 2026-03-03 08:00.", "已给药：头孢曲松2 g，已完成，2次，2026-03-02 08:00 至 2026-03-03 08:00。", &record.PatientRecord{Medications: []record.Medication{
			{ID: "a", Administered: true, Status: "completed", Code: record.Concept{Text: "Ceftriaxone"}, Dose: amount("2", "g"), Start: moment(t0)}, {ID: "b", Administered: true, Status: "completed", Code: record.Concept{Text: "Ceftriaxone"}, Dose: amount("2", "g"), Start: moment(t2)}}}},
		{"no administration", "Ordered, no administration filed: vancomycin.", "已开医嘱而无给药记录：万古霉素。", &record.PatientRecord{Medications: []record.Medication{{ID: "a", Status: "active", Code: record.Concept{Text: "vancomycin"}}}}},
		{"waveform", "ECG lead II waveform: 0.016 s, 250 Hz, 4 samples, 1 dropout.", "心电图II导联波形：0.016秒，250 Hz，4个采样点，1个缺失点。", obs(record.Observation{ID: "a", Status: "final", Code: record.Concept{Text: "ECG lead II"}, Value: record.Value{Sampled: &record.SampledData{PeriodMS: 4, Dimensions: 1, Samples: []float64{1, 2, nan(), 4}}}})},
		{"mixed zones", "Heart rate: 80/min at 2026-03-02 08:00+08:00.", "心率：2026-03-02 08:00+08:00 为80次/分。", obs(vital("a", "8867-4", "80", "/min", t0), vital("b", "8310-5", "37.0", "Cel", "2026-03-02T08:00:00Z"))},
		{"control characters", "Reason for the stay: fell down.", "就诊原因：fell down。", &record.PatientRecord{Encounters: []record.Encounter{{ID: "e", Reasons: []record.Concept{{Text: "fell\x00\n\u202edown"}}}}}},
	} {
		for lang, want := range map[render.Lang]string{render.English: c.en, render.Chinese: c.zh} {
			text := render.Render(c.rec, render.Options{Lang: lang}).Text()
			if !strings.Contains(text, "- "+want+"\n") {
				t.Errorf("%s: no line %q in\n%s", c.name, want, text)
			}
			if strings.Contains(text, "secret") {
				t.Errorf("%s: the patient's id stands in the text", c.name)
			}
		}
	}
}

func nan() float64 { var z float64; return z / z }

func TestUnknownCodesAreNoticed(t *testing.T) {
	rec := &record.PatientRecord{Conditions: []record.Condition{{ID: "c", Code: record.Concept{Text: "Odd thing", Codings: []record.Coding{{System: record.SystemICD10CM, Code: "Q99.9"}}}}}}
	doc := render.Render(rec, render.Options{})
	if len(doc.Notices) != 1 || doc.Notices[0].Kind != record.NoticeUnknownCode || doc.Notices[0].Path != "Condition[0].code" {
		t.Errorf("notices %+v", doc.Notices)
	}
}

func TestMaxFactsKeepsTheCritical(t *testing.T) {
	rec := &record.PatientRecord{Patient: record.Patient{Sex: "male", BirthDate: moment("1960-01-01")}}
	for i := range 50 {
		rec.Conditions = append(rec.Conditions, record.Condition{ID: fmt.Sprint(i), Code: record.Concept{Text: fmt.Sprintf("thing %d", i)}})
	}
	rec.Allergies = []record.Allergy{{ID: "a", Clinical: "active", Code: record.Concept{Text: "latex"}}}
	doc := render.Render(rec, render.Options{MaxFacts: 5})
	facts := doc.Sections[1].Facts
	if len(facts) != 5 || !facts[4].Critical || facts[4].ID != "why.5" {
		t.Errorf("%d facts, last %+v", len(facts), facts[len(facts)-1])
	}
	if !slices.ContainsFunc(doc.Notices, func(n record.Notice) bool { return n.Kind == render.NoticeTruncated }) {
		t.Error("nothing says that facts were left out")
	}
}

var (
	plainNumber = regexp.MustCompile(`[0-9]+(?:\.[0-9]+)?`)
	shownTime   = regexp.MustCompile(`\b(?:(?:[0-9]{4}-)?[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}(?:[+-][0-9]{2}:[0-9]{2})?|[0-9]{4}(?:-[0-9]{2}(?:-[0-9]{2})?)?|[0-9]{2}:[0-9]{2}(?:[+-][0-9]{2}:[0-9]{2})?)\b`)
)

// unlisted returns a number of the text that stands neither in Numbers nor in Dates.
func unlisted(f render.Fact) string {
	text := f.Text
	values := map[string]bool{}
	for _, n := range f.Numbers {
		values[n.Value.Text] = true
		for _, d := range plainNumber.FindAllString(n.Value.Text, -1) {
			values[d] = true
		}
		if strings.ContainsAny(n.Label, "0123456789") {
			text = strings.ReplaceAll(text, n.Label, " ")
		}
	}
	times := map[string]bool{}
	for _, d := range f.Dates {
		for _, layout := range []string{"2006", "2006-01", "2006-01-02", "2006-01-02 15:04", "15:04", "2006-01-02 15:04-07:00", "15:04-07:00", "01-02 15:04", "01-02 15:04-07:00"} {
			times[d.Time.Format(layout)] = true
		}
	}
	text = shownTime.ReplaceAllStringFunc(text, func(s string) string {
		if times[s] {
			return " "
		}
		return s
	})
	for _, d := range plainNumber.FindAllString(text, -1) {
		if !values[d] {
			return d
		}
	}
	return ""
}

// TestEveryNumberIsListed renders random records: no panic, every number of a fact's
// text stands beside it, every fact has evidence, the same record gives the same text.
func TestEveryNumberIsListed(t *testing.T) { rapid.Check(t, everyNumberIsListed) }

func everyNumberIsListed(t *rapid.T) {
	rec := randomRecord(t)
	opt := render.Options{
		Lang: rapid.SampledFrom(both).Draw(t, "lang"), Style: rapid.SampledFrom([]render.Style{render.StyleFull, render.StyleCompact}).Draw(t, "style"),
		RelativeTimes: rapid.Bool().Draw(t, "relative"), Derived: rapid.Bool().Draw(t, "derived"),
	}
	doc := render.Render(rec, opt)
	if doc.Text() != render.Render(rec, opt).Text() {
		t.Fatal("rendering twice gives two texts")
	}
	for _, s := range doc.Sections {
		for _, f := range s.Facts {
			if d := unlisted(f); d != "" {
				t.Fatalf("%s: %s in %q is not listed", f.ID, d, f.Text)
			}
			if len(f.Evidence) == 0 || strings.ContainsAny(f.Text, "\n\x00") {
				t.Fatalf("fact %+v", f)
			}
		}
	}
}

var allMarks = []record.Mark{
	record.MarkMerged, record.MarkTimeCorrected, record.MarkConverted, record.MarkUnitCorrected,
	record.MarkUnitSuspect, record.MarkImplausible, record.MarkArtefact, record.MarkImputed,
}

func randomRecord(t *rapid.T) *record.PatientRecord {
	when := func(label string) record.DateTime {
		if rapid.Bool().Draw(t, label+"?") {
			return record.DateTime{}
		}
		zone := time.FixedZone("", 3600*rapid.IntRange(-11, 13).Draw(t, label+"z"))
		return record.DateTime{
			Time:      time.Unix(rapid.Int64Range(-3e9, 4e9).Draw(t, label), 0).In(zone),
			Precision: record.Precision(rapid.IntRange(1, 4).Draw(t, label+"p")),
		}
	}
	entries := terms.Entries()
	systems := map[byte]string{'L': record.SystemLOINC, 'R': record.SystemRxNorm, 'I': record.SystemICD10CM, 'X': record.SystemCVX, 'M': record.SystemIEEE11073, 'V': "other"}
	concept := func(label string) record.Concept {
		c := record.Concept{}
		if rapid.Bool().Draw(t, label+"?") {
			c.Text = rapid.OneOf(rapid.StringN(0, 40, 200), rapid.SampledFrom([]string{"B12 3.5 mg", "a 007 00.1 b", "Type 2", "９9", "no known allergies"})).Draw(t, label)
		}
		e := rapid.SampledFrom(entries).Draw(t, label+"e")
		if len(e.Codes) > 0 {
			c.Codings = []record.Coding{{System: systems[e.Codes[0][0]], Code: e.Codes[0][1:]}}
		} else {
			c.Codings = []record.Coding{{System: "x", Code: rapid.StringN(0, 8, 30).Draw(t, label+"c")}}
		}
		return c
	}
	units := terms.Units()
	quantity := func(label string) *record.Quantity {
		d, err := record.ParseDecimal(rapid.SampledFrom([]string{"0", "-1.50", "7.400", "1e3", "2.5E-7", "128", "99999999999999999999"}).Draw(t, label))
		if err != nil {
			t.Fatal(err)
		}
		q := &record.Quantity{Value: d, Comparator: rapid.SampledFrom([]string{"", "<", ">="}).Draw(t, label+"o")}
		if u := rapid.SampledFrom(units).Draw(t, label+"u"); rapid.Bool().Draw(t, label+"?") {
			q.Unit, q.Code = u.Display[render.English], u.Code
		} else {
			q.Unit = rapid.SampledFrom([]string{"", "m3", "per 100 cells"}).Draw(t, label+"n")
		}
		return q
	}
	rec := &record.PatientRecord{Patient: record.Patient{ID: "p", Sex: rapid.SampledFrom([]string{"", "male", "female", "odd"}).Draw(t, "sex"), BirthDate: when("birth")}}
	for i := range rapid.IntRange(0, 12).Draw(t, "observations") {
		l := fmt.Sprintf("o%d", i)
		o := record.Observation{ID: l, Marks: rapid.SliceOfN(rapid.SampledFrom(allMarks), 0, 2).Draw(t, l+"marks"), Status: rapid.SampledFrom([]string{"final", "preliminary", "cancelled"}).Draw(t, l+"st"), Category: "laboratory", Code: concept(l), Start: when(l + "t")}
		switch rapid.IntRange(0, 5).Draw(t, l+"k") {
		case 0:
			c := concept(l + "v")
			o.Value.Concept = &c
		case 1:
			o.Value.Text = rapid.StringN(0, 300, 900).Draw(t, l+"v")
		case 2:
			o.Value.Sampled = &record.SampledData{PeriodMS: rapid.Float64().Draw(t, l+"p"), Dimensions: rapid.IntRange(-1, 3).Draw(t, l+"d"), Samples: rapid.SliceOfN(rapid.Float64(), 0, 9).Draw(t, l+"s")}
		case 3:
			o.Components = []record.Component{{Code: loinc("8480-6"), Value: record.Value{Quantity: quantity(l + "s")}}, {Code: loinc("8462-4"), Value: record.Value{Quantity: quantity(l + "d")}}, {Code: concept(l + "x"), Value: record.Value{Quantity: quantity(l + "y")}}}
		default:
			o.Code = rapid.SampledFrom([]record.Concept{o.Code, loinc("8867-4")}).Draw(t, l+"w")
			o.Value.Quantity = quantity(l + "v")
			o.Reference = &record.Range{Low: quantity(l + "l"), High: quantity(l + "h")}
		}
		rec.Observations = append(rec.Observations, o)
	}
	for i := range rapid.IntRange(0, 4).Draw(t, "others") {
		l := fmt.Sprintf("x%d", i)
		rec.Encounters = append(rec.Encounters, record.Encounter{ID: l, Class: "IMP", Status: "odd 7", Start: when(l + "es"), End: when(l + "ee"), Reasons: []record.Concept{concept(l + "r")}, Service: concept(l + "sv")})
		rec.Conditions = append(rec.Conditions, record.Condition{ID: l, Code: concept(l + "c"), Verification: rapid.SampledFrom([]string{"", "refuted", "provisional"}).Draw(t, l+"cv"), Clinical: "active", Severity: concept(l + "sev"), Onset: when(l + "on"), Abatement: when(l + "ab")})
		rec.Medications = append(rec.Medications, record.Medication{ID: l, Administered: i%2 == 0, Status: "active", Code: concept(l + "m"), Dose: quantity(l + "md"), Route: concept(l + "mr"), Start: when(l + "ms"), End: when(l + "me")})
		rec.Allergies = append(rec.Allergies, record.Allergy{ID: l, Code: concept(l + "a"), Criticality: "high", Reactions: []record.Concept{concept(l + "ar")}})
		rec.Reports = append(rec.Reports, record.Report{ID: l, Status: "partial", Code: concept(l + "rc"), Issued: when(l + "ri"), Conclusion: rapid.String().Draw(t, l+"rt")})
		rec.Procedures = append(rec.Procedures, record.Procedure{ID: l, Status: "completed", Code: concept(l + "pc"), Start: when(l + "ps"), End: when(l + "pe")})
		rec.Immunizations = append(rec.Immunizations, record.Immunization{ID: l, Status: "not-done", Code: concept(l + "i"), When: when(l + "it")})
		rec.Devices = append(rec.Devices, record.Device{ID: l, Type: concept(l + "d")})
	}
	return rec
}

// FuzzRender lets the fuzzer choose the record.
func FuzzRender(f *testing.F) { f.Fuzz(rapid.MakeFuzz(everyNumberIsListed)) }
