package evaluate_test

import (
	"math"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/clinical/prepare/corrupt"
	"github.com/bedside-lm/bedside/clinical/prepare/evaluate"
	"github.com/bedside-lm/bedside/clinical/record"
)

// Figures are reported of these seeds. Settings of the cleaning are chosen on others: from 1 on.
const (
	reportPatients = 20_260_000
	reportDamage   = 97
)

// judge damages and cleans all records, on all cores.
func judge(records []*record.PatientRecord) *evaluate.Cohort {
	scores := make([]evaluate.Scores, len(records))
	evaluate.Each(len(records), runtime.GOMAXPROCS(0), func(i int) {
		scores[i] = evaluate.Patient(records[i], reportDamage, corrupt.Usual())
	})
	return evaluate.NewCohort(scores, 1)
}

// claim is that the cleaning is ahead of a baseline, by a margin.
type claim struct {
	key       evaluate.Key
	baseline  string
	statistic evaluate.Statistic
	less      bool    // less is better
	margin    float64 // of the difference; where less is better, as a share of the baseline
}

func claims(c *evaluate.Cohort) []claim {
	f1 := func(what, baseline string, margin float64) claim {
		return claim{evaluate.Key{What: what, Method: evaluate.Cleaning}, baseline, evaluate.Tally.F1, false, margin}
	}
	recall := func(part, baseline string, margin float64) claim {
		return claim{evaluate.Key{What: "units", Part: part, Method: evaluate.Cleaning}, baseline, evaluate.Tally.Recall, false, margin}
	}
	lower := func(what, part, baseline string, margin float64) claim {
		return claim{evaluate.Key{What: what, Part: part, Method: evaluate.Cleaning}, baseline, evaluate.Tally.Mean, true, margin}
	}
	out := []claim{
		f1("duplicates", evaluate.EqualContent, 0.1), f1("duplicates", evaluate.OneAMinute, 0.1),
		f1("spikes", evaluate.ThreeSigma, 0.05), f1("spikes", evaluate.RollingThreeSigma, 0.02),
		// Where a patient has one or two results of a test, there is no more to tell by than in each alone.
		recall("", evaluate.OneByOne, 0.03), recall("wrong unit, laboratory", evaluate.OneByOne, -0.005),
		recall("wrong unit, vital signs", evaluate.OneByOne, -0.005),
		lower("clock", "off, minutes of error", evaluate.AsFiled, 0.5), lower("clock", "off, minutes of error", evaluate.CrossCorrelation, 0.2),
	}
	for _, p := range c.Parts("imputation") {
		if strings.HasSuffix(p, "filled") {
			continue
		}
		out = append(out, lower("imputation", p, evaluate.Median, 0.1))
		// The last value is as good as any where a measure hardly moves.
		out = append(out, lower("imputation", p, evaluate.CarryForward, -0.02))
	}
	return out
}

// enough is how many numbers a mean needs to be held to a margin: the laboratory results of a
// small cohort are some thirty, whose errors reach from 0.1 % to 130 %.
const enough = 100

func requireAhead(t *testing.T, c *evaluate.Cohort) {
	t.Helper()
	var b strings.Builder
	require.NoError(t, c.WriteTable(&b))
	t.Log("\n" + b.String())
	for _, cl := range claims(c) {
		base := cl.key
		base.Method = cl.baseline
		ours, theirs := cl.statistic(c.Total(cl.key)), cl.statistic(c.Total(base))
		need := theirs + cl.margin
		ok := ours >= need
		if cl.less {
			need = theirs * (1 - cl.margin)
			ok = ours <= need
		}
		if cl.key.What == "imputation" && c.Total(cl.key).N < enough {
			// Of few numbers the mean is that of one or two of them: only what is behind beyond chance fails.
			ok = c.Difference(cl.key, cl.baseline, cl.statistic).Low <= 0
		}
		if !ok || math.IsNaN(ours) || math.IsNaN(theirs) {
			t.Errorf("%s, %s: the cleaning has %.4f, %s has %.4f; %.4f is wanted", cl.key.What, cl.key.Part, ours, cl.baseline, theirs, need)
		}
	}
}

func TestTheCleaningIsAheadOnSyntheticPatients(t *testing.T) {
	c := judge(evaluate.Synthetic(reportPatients, 24))
	requireAhead(t, c)
	total := func(what, part string) evaluate.Tally {
		return c.Total(evaluate.Key{What: what, Part: part, Method: evaluate.Cleaning})
	}
	require.Greater(t, total("duplicates", "").F1(), 0.85)
	require.Greater(t, total("duplicates", "resent").Recall(), 0.99)
	require.InDelta(t, 1, total("units", "other unit, converted").Recall(), 0.01)
	require.Less(t, total("units", "right, corrected").Mean(), 0.001)
	require.Less(t, total("spikes", "undisturbed").Mean(), 0.005)
	require.Less(t, total("clock", "right, moved").Mean(), 0.02)
	require.Greater(t, total("clock", "off, put right").Mean(), 0.5)
	require.Greater(t, total("imputation", "vital signs, filled").Mean(), 0.95)
}

func TestTheJudgeFindsNothingInWhatIsNotDamaged(t *testing.T) {
	for _, rec := range evaluate.Synthetic(5, 3) {
		for k, tally := range evaluate.Patient(rec, 1, corrupt.Options{}) {
			if k.Method != evaluate.Cleaning {
				continue
			}
			require.Zero(t, tally.Hit+tally.Missed, "%v", k)
			if k.What == "spikes" && k.Part == "" {
				require.Less(t, tally.False, 10.0, "%v", k)
			}
			if k.What == "duplicates" {
				require.Zero(t, tally.False, "%v", k)
			}
		}
	}
}

func TestJudgingIsDeterministic(t *testing.T) {
	rec := evaluate.Synthetic(6, 1)[0]
	require.Equal(t, evaluate.Patient(rec, 2, corrupt.Usual()), evaluate.Patient(rec, 2, corrupt.Usual()))
	require.Equal(t, rec, evaluate.Synthetic(6, 1)[0])
	require.NotEqual(t, evaluate.Patient(rec, 2, corrupt.Usual()), evaluate.Patient(rec, 3, corrupt.Usual()))
}

func TestIntervalsHoldTheirFigure(t *testing.T) {
	k := evaluate.Key{What: "x", Method: evaluate.Cleaning}
	var ps []evaluate.Scores
	for i := range 40 {
		hit := float64(10 + i%5)
		ps = append(ps, evaluate.Scores{k: {Hit: hit, Missed: 20 - hit, False: 1}, {What: "x", Method: "other"}: {Hit: 5, Missed: 15}})
	}
	c := evaluate.NewCohort(ps, 3)
	got := c.Of(k, evaluate.Tally.Recall)
	require.InDelta(t, 0.6, got.Value, 1e-9)
	require.True(t, got.Low > 0.57 && got.Low < 0.6 && got.High > 0.6 && got.High < 0.63, "%v", got)
	ahead := c.Difference(k, "other", evaluate.Tally.Recall)
	require.InDelta(t, 0.35, ahead.Value, 1e-9)
	require.Positive(t, ahead.Low)
	require.Equal(t, "-", c.Of(evaluate.Key{What: "absent"}, evaluate.Tally.F1).String())
}
