package diagnosis

import (
	"cmp"
	"context"
	"math"
	"slices"
	"time"

	"github.com/bedside-lm/bedside/clinical/prepare/features"
	"github.com/bedside-lm/bedside/clinical/prompt"
	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/terms"
)

// What an answer needs and shows. The numbers are our choice.
const (
	leastMeasures = 4  // measures below which a model is not asked
	adult         = 18 // years; the training patients are adults
	DefaultMost   = 5  // suggestions
)

// Options say what is wanted.
type Options struct {
	Lang terms.Lang
	Most int // suggestions; 0: DefaultMost
	// NoReadings leaves out which readings speak for and against: the question is asked once instead of once for each reading.
	NoReadings bool
}

// Reason says why there is no answer.
type Reason string

// The reasons.
const (
	LowConfidence  Reason = "low-confidence"
	TooFewReadings Reason = "too-few-readings"
	OutOfScope     Reason = "out-of-scope"
)

// Suggestion is one answer of the model.
type Suggestion struct {
	Code        string  // ICD-10-CM
	Name        string  // in the language asked for
	Probability float64 // among the answers that the model knows
	For         []Weight
	Against     []Weight
	Next        []Test
}

// Answer is what is said about a record.
type Answer struct {
	Lang   terms.Lang
	Window features.Window
	// Measures is how many measures the model was shown, LeftOut how many observations were filed after the window.
	Measures, LeftOut int
	RedFlags          []RedFlag
	// Abstention is why none of the suggestions should be relied on; "" where the first one stands.
	Abstention Reason
	// Suggestions are the likeliest answers, the likeliest first; none where the model was not asked.
	Suggestions []Suggestion
}

// Suggest asks a model about a prepared record: about the first 24 hours after admission, or the first hour where nothing
// later is known, as it was trained. It fails only where score does.
func Suggest(ctx context.Context, rec *record.PatientRecord, fit *Fit, score Score, opt Options) (*Answer, error) {
	opt.Lang = cmp.Or(opt.Lang, terms.English)
	out := &Answer{Lang: opt.Lang}
	start, ok := features.Admission(rec)
	if !ok {
		out.Abstention = TooFewReadings
		return out, nil
	}
	sheet, later := shown(rec, start)
	out.Window, out.LeftOut, out.Measures = sheet.Window, later, len(sheet.Items)
	out.RedFlags = redFlags(rec, opt.Lang)
	switch {
	case sheet.Age < adult:
		out.Abstention = OutOfScope
		return out, nil
	case len(sheet.Items) < leastMeasures:
		out.Abstention = TooFewReadings
		return out, nil
	}
	found, err := probabilities(ctx, sheet, fit, score)
	if err != nil {
		return nil, err
	}
	ranked := ranking(found)
	ranked = ranked[:min(len(ranked), cmp.Or(opt.Most, DefaultMost))]
	have := measured(rec)
	for _, i := range ranked {
		out.Suggestions = append(out.Suggestions, Suggestion{
			Code: fit.Codes[i], Name: Entry(fit.Codes[i]).Name(opt.Lang), Probability: found[i], Next: next(fit.Codes[i], have, opt.Lang),
		})
	}
	if found[ranked[0]] < fit.Threshold || fit.Threshold == 1 {
		out.Abstention = LowConfidence
	}
	if opt.NoReadings {
		return out, nil
	}
	w := &weighing{fit: fit, score: score, sheet: sheet, found: found, sources: features.Sources(rec, start, out.Window), lang: opt.Lang}
	return out, w.explain(ctx, out.Suggestions, ranked)
}

// TreatmentQuestion asks a device model which drugs it would order for a diagnosis, by its ICD-10-CM code; ok is false where
// nothing is known of when the patient was admitted.
func TreatmentQuestion(rec *record.PatientRecord, code string, lang terms.Lang) (question string, ok bool) {
	start, ok := features.Admission(rec)
	if !ok {
		return "", false
	}
	sheet, _ := shown(rec, start)
	text := prompt.Write(sheet, prompt.Style{Lang: lang, Steps: true}) + "\n" + code
	if e := Entry(code); e != nil {
		text += " " + e.Name(lang)
	}
	return prompt.Question(lang, "treatment", text), true
}

// shown is what a model is shown of a record, and how many observations were filed after that.
func shown(rec *record.PatientRecord, start time.Time) (sheet prompt.Sheet, leftOut int) {
	w, leftOut := window(rec, start)
	return prompt.Read(features.ExtractFrom(rec, start), w, nil), leftOut
}

// window is the longer of the two that anything was measured in beyond the shorter one.
func window(rec *record.PatientRecord, start time.Time) (w features.Window, leftOut int) {
	w = features.FirstHour
	for _, readings := range features.Series(rec, start) {
		if len(readings) > 0 && readings[len(readings)-1].Hours > float64(features.FirstHour.Hours()) {
			w = features.FirstDay
		}
	}
	end := start.Add(time.Duration(w.Hours()) * time.Hour)
	for i := range rec.Observations {
		if rec.Observations[i].Start.Time.After(end) {
			leftOut++
		}
	}
	return w, leftOut
}

// ranking is the places of probabilities, the greatest first; equals keep their order.
func ranking(p []float64) []int {
	out := make([]int, len(p))
	for i := range out {
		out[i] = i
	}
	slices.SortStableFunc(out, func(a, b int) int { return cmp.Compare(p[b], p[a]) })
	return out
}

func round(p float64) float64 { return math.Round(p*1e4) / 1e4 }
