package diagnosis

import (
	"context"
	"math"

	"github.com/bedside-lm/bedside/clinical/prompt"
	"github.com/bedside-lm/bedside/clinical/terms"
)

// Score gives the log probability of each of a fit's codes as the answer to a question. It may be called several times at once.
type Score func(ctx context.Context, question string) ([]float64, error)

// languages are those that a model is asked in, whatever language its answer is shown in: the mean of their log
// probabilities is what counts.
var languages = []terms.Lang{terms.English, terms.Chinese}

// probabilities asks about a sheet in both languages.
func probabilities(ctx context.Context, sheet prompt.Sheet, fit *Fit, score Score) ([]float64, error) {
	mean := make([]float64, len(fit.Codes))
	for _, lang := range languages {
		text := prompt.Write(sheet, prompt.Style{Lang: lang, Steps: true})
		scores, err := score(ctx, prompt.Question(lang, "diagnosis", text))
		if err != nil {
			return nil, err
		}
		for i, p := range softmax(scores, 1) {
			mean[i] += math.Log(p) / float64(len(languages))
		}
	}
	return softmax(mean, fit.Temperature[sheet.Window]), nil
}

// softmax turns log probabilities into probabilities that add up to 1; none is 0.
func softmax(scores []float64, temperature float64) []float64 {
	const least = 1e-12
	top := math.Inf(-1)
	for _, s := range scores {
		top = math.Max(top, s)
	}
	out, sum := make([]float64, len(scores)), 0.0
	for i, s := range scores {
		out[i] = math.Max(math.Exp((s-top)/temperature), least)
		sum += out[i]
	}
	for i := range out {
		out[i] /= sum
	}
	return out
}
