package rules

import (
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/terms"
)

func TestNoDoseForAChild(t *testing.T) {
	rec := woman()
	rec.Patient.BirthDate.Time = now.AddDate(-17, 0, 0)
	r := Check(Input{Record: rec, At: now, Diagnoses: []string{"J18.9"}, Proposals: []Proposal{{Kind: KindDrug, Name: "azithromycin"}}})
	require.False(t, r.Adult)
	require.Empty(t, r.Items[0].Doses)
	require.Equal(t, "adult", r.Items[0].DoseLacks[0].What)
}

// TestEveryDoseInItsBandAlone shows each row of the table of doses to a patient in its band, and to
// ones on either side of it, without the number that it goes by, and without the diagnosis.
func TestEveryDoseInItsBandAlone(t *testing.T) {
	shown := func(d *Dose, facts string, keep func(*record.Observation) bool) (bool, *Item) {
		in := given(t, d.Drug.Name(terms.English), facts)
		in.Record.Observations = slices.DeleteFunc(in.Record.Observations, func(o record.Observation) bool { return !keep(&o) })
		it := &Check(in).Items[0]
		return slices.ContainsFunc(it.Doses, func(x Dose) bool {
			return x.Use[terms.English] == d.Use[terms.English] && x.Text[terms.English] == d.Text[terms.English]
		}), it
	}
	all := func(*record.Observation) bool { return true }
	for _, d := range Doses() {
		name := d.Drug.Name(terms.English) + ", " + d.Use[terms.English] + ", " + d.Text[terms.English]
		ill := ""
		if len(d.Codes) > 0 {
			ill = "icd=" + d.Codes[0]
			got, _ := shown(d, "", all)
			require.False(t, got, "%s without the diagnosis", name)
		}
		if d.Band == "" {
			got, it := shown(d, ill, all)
			require.True(t, got, name)
			require.Empty(t, it.DoseLacks)
			continue
		}
		at := func(v float64) string { return ill + ";" + d.Band + "=" + strconv.FormatFloat(v, 'f', -1, 64) }
		inside := d.limits[0].limit * 1.01
		if d.limits[0].op[0] == '<' {
			inside = d.limits[0].limit * 0.99
		} else if d.limits[0].limit == 0 {
			inside = d.limits[1].limit * 0.99
		}
		got, it := shown(d, at(inside), all)
		require.True(t, got || it.Verdict == VerdictRemoved, "%s at %g", name, inside)
		for _, l := range d.limits {
			outside := l.limit * 1.01
			if l.op[0] == '>' {
				outside = l.limit * 0.99
			}
			if outside == 0 {
				continue // on dialysis, which has a test of its own
			}
			got, _ = shown(d, at(outside), all)
			require.False(t, got, "%s at %g", name, outside)
		}
		got, it = shown(d, ill, func(o *record.Observation) bool { return o.ID != "cr" && o.ID != "weight" })
		require.False(t, got, name)
		require.NotEmpty(t, it.DoseLacks, name)
	}
}
