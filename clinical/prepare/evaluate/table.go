package evaluate

import (
	"fmt"
	"io"
	"strings"
)

// row is one line of the table: a figure by each method.
type row struct {
	label     string
	what      string
	part      string
	statistic Statistic
	methods   []string // beside the cleaning
}

// rows are the table's, with a line for each part that the cohort has.
func (c *Cohort) rows() []row {
	dup := []string{EqualContent, OneAMinute}
	out := []row{
		{"duplicates: F1", "duplicates", "", Tally.F1, dup},
		{"duplicates: precision", "duplicates", "", Tally.Precision, dup},
	}
	for _, p := range c.Parts("duplicates") {
		out = append(out, row{"duplicates: recall, " + p, "duplicates", p, Tally.Recall, dup})
	}
	spike := []string{ThreeSigma, RollingThreeSigma}
	out = append(
		out,
		row{"spikes: F1", "spikes", "", Tally.F1, spike},
		row{"spikes: precision", "spikes", "", Tally.Precision, spike},
		row{"spikes: recall, small", "spikes", "small", Tally.Recall, spike},
		row{"spikes: recall, large", "spikes", "large", Tally.Recall, spike},
		row{"spikes: recall, two in a row", "spikes", "two in a row", Tally.Recall, spike},
		row{"spikes: share of undisturbed readings marked", "spikes", "undisturbed", Tally.Mean, spike},
		row{"units: precision of corrections", "units", "", Tally.Precision, []string{OneByOne}},
	)
	for _, p := range c.Parts("units") {
		if strings.HasSuffix(p, "corrected") || strings.HasSuffix(p, "marked") {
			out = append(out, row{"units: share of " + p, "units", p, Tally.Mean, []string{OneByOne}})
			continue
		}
		out = append(out, row{"units: recall, " + p, "units", p, Tally.Recall, []string{OneByOne}})
	}
	for _, p := range c.Parts("clock") {
		out = append(out, row{"clock: " + p, "clock", p, Tally.Mean, []string{AsFiled, CrossCorrelation}})
	}
	for _, p := range c.Parts("imputation") {
		if strings.HasSuffix(p, "filled") {
			out = append(out, row{"imputation: share of " + p, "imputation", p, Tally.Mean, nil})
			continue
		}
		out = append(out, row{"imputation error: " + p, "imputation", p, Tally.Mean, []string{Median, CarryForward}})
	}
	return out
}

// WriteTable writes all figures as a Markdown table, with 95 % intervals.
func (c *Cohort) WriteTable(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "| of %d patients | cleaning | baselines |\n|---|---|---|\n", len(c.patients))
	for _, r := range c.rows() {
		fmt.Fprintf(&b, "| %s | %s |", r.label, c.Of(Key{r.what, r.part, Cleaning}, r.statistic))
		for i, m := range r.methods {
			sep := "; "
			if i == 0 {
				sep = " "
			}
			fmt.Fprintf(&b, "%s%s %s", sep, m, c.Of(Key{r.what, r.part, m}, r.statistic))
		}
		b.WriteString(" |\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}
