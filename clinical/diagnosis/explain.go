package diagnosis

import (
	"cmp"
	"context"
	"math"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/bedside-lm/bedside/clinical/prompt"
	"github.com/bedside-lm/bedside/clinical/terms"
)

// Bounds of what is shown of readings.
const (
	explained   = 3    // suggestions
	leftOutMost = 40   // measures that are left out in turn, those furthest from their reference range first
	shownMost   = 4    // measures for a suggestion, and as many against it
	leastChange = 0.01 // change of probability that is worth showing
	atOnce      = 32   // questions
)

// Weight is a measure and what it does to a suggestion: how much more probable the model finds it than with the measure left
// out. That is about the model, and says nothing about causes.
type Weight struct {
	Code     string // LOINC
	Text     string
	Change   float64  // of the probability
	Evidence []string // such as "Observation/hr-0800"
}

type weighing struct {
	fit     *Fit
	score   Score
	sheet   prompt.Sheet
	found   []float64
	sources map[string][]string
	lang    terms.Lang
}

// explain asks again with each measure left out, and shows what that does to the first suggestions.
func (w *weighing) explain(ctx context.Context, to []Suggestion, places []int) error {
	items := prompt.ByGrade(w.sheet.Items)
	items = items[:min(len(items), leftOutMost)]
	without := make([][]float64, len(items))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for i := range items {
		group.Go(func() (err error) {
			without[i], err = probabilities(ctx, w.lacking(items[i].Entry), w.fit, w.score)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for n := range min(len(to), explained) {
		var all []Weight
		for i, it := range items {
			change := round(w.found[places[n]] - without[i][places[n]])
			if math.Abs(change) >= leastChange {
				all = append(all, w.weight(it, change))
			}
		}
		to[n].For, to[n].Against = sides(all)
	}
	return nil
}

func (w *weighing) lacking(e *terms.Entry) prompt.Sheet {
	other := w.sheet
	other.Items = slices.DeleteFunc(slices.Clone(w.sheet.Items), func(it prompt.Item) bool { return it.Entry == e })
	return other
}

func (w *weighing) weight(it prompt.Item, change float64) Weight {
	code := loinc(it.Entry)
	return Weight{Code: code, Text: prompt.Tell(it, w.lang), Change: change, Evidence: w.sources[code]}
}

// sides parts what speaks for a suggestion from what speaks against it, the strongest first.
func sides(all []Weight) (pro, contra []Weight) {
	slices.SortStableFunc(all, func(a, b Weight) int { return cmp.Compare(math.Abs(b.Change), math.Abs(a.Change)) })
	for _, x := range all {
		switch {
		case x.Change > 0 && len(pro) < shownMost:
			pro = append(pro, x)
		case x.Change < 0 && len(contra) < shownMost:
			contra = append(contra, x)
		}
	}
	return pro, contra
}

// loinc is a measure's first LOINC code.
func loinc(e *terms.Entry) string {
	for _, c := range e.Codes {
		if c[0] == 'L' {
			return c[1:]
		}
	}
	return ""
}
