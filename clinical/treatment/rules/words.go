package rules

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/bedside-lm/bedside/clinical/terms"
)

// Word returns how a severity is called.
func (s Severity) Word(lang terms.Lang) string { return vocabularies[lang].severities[s] }

// Word returns how a verdict is called.
func (v Verdict) Word(lang terms.Lang) string { return vocabularies[lang].verdicts[v] }

// Word returns how a kind of rule is called.
func (k RuleKind) Word(lang terms.Lang) string { return vocabularies[lang].kinds[k] }

// Text writes a finding out: severity and kind, the reason, what it rests on, what is to be
// watched, what is not known, and the source.
func (f *Finding) Text(lang terms.Lang) string {
	v := vocabularies[lang]
	var b strings.Builder
	b.WriteString(f.Rule.Severity.Word(lang) + v.comma + f.Rule.Kind.Word(lang) + v.colon + f.Rule.Reason[lang])
	if len(f.Members) > 0 {
		b.WriteString(v.open + v.only + v.colon + names(f.Members, lang) + v.close)
	}
	var rests []string
	for _, a := range f.Against {
		// What the caller named is told with the record's own entry of it, where there is one.
		own := func(o Against) bool { return a.Evidence == "" && o.Evidence != "" && o.Name(lang) == a.Name(lang) }
		if !slices.ContainsFunc(f.Against, own) {
			rests = append(rests, a.text(lang))
		}
	}
	for i := range f.Values {
		rests = append(rests, f.Values[i].Text(lang))
	}
	if len(rests) > 0 {
		b.WriteString(" [" + strings.Join(rests, "; ") + "]")
	}
	if len(f.Rule.Monitor) > 0 && f.Rule.Kind != RuleMonitoring {
		b.WriteString(v.comma + v.watch + v.colon + names(f.Rule.Monitor, lang))
	}
	if len(f.Lacks) > 0 {
		b.WriteString(v.comma + v.undecided + v.colon + lackText(f.Lacks, lang))
	}
	b.WriteString(v.open + v.source + v.colon + f.Rule.Source.Text() + v.close)
	return b.String()
}

// Text is a source's citation with its year, where the citation does not end in it.
func (s *Source) Text() string {
	year := strconv.Itoa(s.Year)
	if strings.Contains(s.Citation, year) {
		return s.Citation
	}
	return s.Citation + ", " + year
}

func names(es []*terms.Entry, lang terms.Lang) string {
	var out []string
	for _, e := range es {
		out = append(out, e.Name(lang))
	}
	return strings.Join(out, vocabularies[lang].list)
}

func (a Against) text(lang terms.Lang) string {
	return strings.TrimSpace(a.Name(lang) + " " + a.Evidence)
}

// Name is what it is called; of a proposal it says that it is one.
func (a Against) Name(lang terms.Lang) string {
	s := a.Label
	if a.Entry != nil {
		s = a.Entry.Name(lang)
	}
	if a.Evidence == "" && a.Entry != nil && a.Entry.Kind != "diagnosis" {
		return s + vocabularies[lang].open + vocabularies[lang].proposed + vocabularies[lang].close
	}
	return s
}

// Text writes a value with its unit, when it is of, and where it comes from.
func (x *Value) Text(lang terms.Lang) string {
	return strings.Join(append([]string{x.Words(lang)}, x.Evidence...), " ")
}

// Words writes a value with its unit and when it is of.
func (x *Value) Words(lang terms.Lang) string {
	v := vocabularies[lang]
	s := v.names[x.Name]
	if x.Entry != nil {
		s = x.Entry.Name(lang)
	}
	s += " " + strconv.FormatFloat(x.Value, 'f', x.decimals(), 64)
	if u := terms.UnitByCode(x.Unit); u != nil && u.Display[lang] != "" {
		s += " " + u.Display[lang]
	}
	if x.Formula != "" && x.Formula != FormulaDialysis {
		s += v.comma + v.computed + " " + string(x.Formula)
	}
	if len(x.Evidence) > 0 {
		s += v.comma + x.At.UTC().Format("2006-01-02 15:04")
	}
	return s
}

// decimals keeps a value from being written finer than it is: what is computed as a whole
// number, what is read with up to two decimals.
func (x *Value) decimals() int {
	if x.Formula != "" {
		return 0
	}
	for n, s := range []string{fmt.Sprintf("%.0f", x.Value), fmt.Sprintf("%.1f", x.Value)} {
		if f, err := strconv.ParseFloat(s, 64); err == nil && f == x.Value {
			return n
		}
	}
	return 2
}

func lackText(lacks []Lack, lang terms.Lang) string {
	var out []string
	for _, l := range lacks {
		out = append(out, l.Text(lang))
	}
	return strings.Join(out, vocabularies[lang].list)
}

// Text says what is not known.
func (l Lack) Text(lang terms.Lang) string {
	v := vocabularies[lang]
	s := v.lacks[l.What]
	if l.Entry != nil {
		s = l.Entry.Name(lang)
	}
	return s + l.age(lang)
}

// age says that there are readings, but too old ones.
func (l Lack) age(lang terms.Lang) string {
	if !l.Stale {
		return ""
	}
	v := vocabularies[lang]
	return v.open + v.stale + v.close
}

// Line writes a dose out with what it is for and its source.
func (d *Dose) Line(lang terms.Lang) string {
	v := vocabularies[lang]
	return d.Use[lang] + v.colon + d.Text[lang] + v.open + v.source + v.colon + d.Source.Text() + v.close
}

// Lines writes an item out: its verdict and name, its findings, its doses.
func (it *Item) Lines(lang terms.Lang) []string {
	v := vocabularies[lang]
	name := it.Proposal.Name
	if it.Entry != nil {
		name = it.Entry.Name(lang)
	}
	out := []string{it.Verdict.Word(lang) + v.colon + name}
	for i := range it.Findings {
		out = append(out, "  "+it.Findings[i].Text(lang))
	}
	if len(it.Excluded) > 0 && it.Verdict != VerdictRemoved {
		out = append(out, "  "+v.excluded+v.colon+names(it.Excluded, lang))
	}
	for i := range it.Doses {
		out = append(out, "  "+v.dose+v.colon+it.Doses[i].Line(lang))
	}
	if len(it.DoseLacks) > 0 {
		out = append(out, "  "+v.doseLacks+v.colon+lackText(it.DoseLacks, lang))
	}
	return out
}

// Lines writes the whole result out.
func (r *Result) Lines(lang terms.Lang) []string {
	v := vocabularies[lang]
	out := []string{r.allergyLine(lang)}
	if !r.Adult {
		out = append(out, v.child+v.stop)
	}
	out = append(out, r.Kidney.lines(lang)...)
	for _, u := range r.Unread {
		out = append(out, v.unread+v.colon+strings.TrimSpace(u.Label+" "+u.Evidence))
	}
	for i := range r.Items {
		out = append(out, r.Items[i].Lines(lang)...)
	}
	return out
}

// allergyLine names allergies in the record's words, and in the tables' where those differ.
func (r *Result) allergyLine(lang terms.Lang) string {
	v := vocabularies[lang]
	if r.Allergies != AllergiesFiled {
		return v.allergies[r.Allergies] + v.stop
	}
	var all []string
	for _, a := range r.Allergens {
		s := a.Label
		if a.Entry != nil && !strings.EqualFold(s, a.Entry.Name(lang)) {
			s += v.open + a.Entry.Name(lang) + v.close
		}
		all = append(all, strings.TrimSpace(s+" "+a.Evidence))
	}
	return v.allergies[r.Allergies] + v.colon + strings.Join(all, v.list)
}

func (k *Kidney) lines(lang terms.Lang) []string {
	v := vocabularies[lang]
	var out []string
	if len(k.Dialysis) > 0 {
		s := v.dialysis
		for _, a := range k.Dialysis {
			s += v.comma + a.text(lang)
		}
		return []string{s}
	}
	for _, x := range []*Value{k.EGFR, k.CrCl} {
		if x != nil {
			out = append(out, v.kidneys+v.colon+x.Text(lang))
		}
	}
	if lacks := distinct(slices.Concat(k.EGFRLacks, k.CrClLacks)); len(lacks) > 0 {
		out = append(out, v.kidneys+v.colon+v.undecided+v.colon+lackText(lacks, lang))
	}
	if len(k.Unsteady) > 0 {
		out = append(out, v.unsteady+v.colon+strings.Join(k.Unsteady, v.list))
	}
	return out
}
