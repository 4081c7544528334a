package rules

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/bedside-lm/bedside/clinical/terms"
)

// unknownRule is the reason that takes out what no table knows.
var unknownRule = &Rule{
	ID: "unknown", Kind: RuleUnknown, Severity: SeverityContraindicated,
	Source: &Source{Key: "BEDSIDE", Kind: "list", Citation: "Bedside, table of terms", Year: 2026},
	Reason: map[terms.Lang]string{
		terms.English: "not in the table of terms, or its code and name disagree, so it cannot be checked",
		terms.Chinese: "术语表中没有，或代码与名称不一致，无法核对",
	},
}

// Check holds proposals against a record. The order of the proposals and of the record's parts
// plays no part. What stands after it stands when it is checked again.
func Check(in Input) *Result {
	p := read(in)
	items := p.items(in.Proposals)
	all := othersOf(items, false)
	for i := range items {
		p.judge(&items[i], all)
	}
	// What was taken out leaves no marks on what stands.
	standing := othersOf(items, true)
	for i := range items {
		if it := &items[i]; it.Verdict != VerdictRemoved {
			p.judge(it, standing)
			p.dose(it)
		}
	}
	return &Result{
		Items: items, Kidney: p.kidney, Unread: p.unread, Allergies: p.state, Allergens: p.allergens, At: p.at,
		Adult: p.ageKnown && p.ageLow >= adultAge, Child: p.ageKnown && p.ageHigh < adultAge,
		Present: p.diagnosed(in.Diagnoses), Facts: p.facts(),
	}
}

// items are the proposals, each once, with the highest of its priorities.
func (p *patient) items(proposals []Proposal) []Item {
	byKey := map[string]int{}
	var out []Item
	for _, q := range proposals {
		if math.IsNaN(q.Priority) {
			q.Priority = 0
		}
		e := Resolve(q)
		key := string(q.Kind) + "\x00" + q.Code + "\x00" + q.Name
		if e != nil {
			key = string(q.Kind) + "\x00" + e.Key
			q.Name, q.Code = e.Name(terms.English), rxNorm(e)
		}
		if i, again := byKey[key]; again {
			out[i].Proposal.Priority = max(out[i].Proposal.Priority, q.Priority)
			continue
		}
		byKey[key] = len(out)
		out = append(out, Item{Proposal: q, Entry: e})
	}
	order := []ProposalKind{KindClass, KindDrug, KindCare, KindMonitor}
	slices.SortFunc(out, func(a, b Item) int {
		x, y := a.Proposal, b.Proposal
		return cmp.Or(
			cmp.Compare(slices.Index(order, x.Kind), slices.Index(order, y.Kind)),
			strings.Compare(string(x.Kind), string(y.Kind)),
			strings.Compare(x.Name, y.Name), strings.Compare(x.Code, y.Code),
		)
	})
	return out
}

// rxNorm is a drug's ingredient code, or "".
func rxNorm(e *terms.Entry) string {
	for _, c := range e.Codes {
		if r, ok := strings.CutPrefix(c, "R"); ok && e.Kind == "drug" {
			return r
		}
	}
	return ""
}

// othersOf are the drugs and classes among items.
func othersOf(items []Item, standing bool) []other {
	var out []other
	for i := range items {
		it := &items[i]
		if it.Entry == nil || standing && it.Verdict == VerdictRemoved {
			continue
		}
		switch it.Proposal.Kind {
		case KindDrug:
			out = append(out, other{entry: it.Entry, drugs: map[string]bool{it.Entry.Key: true}, priority: it.Proposal.Priority})
		case KindClass:
			o := other{entry: it.Entry, drugs: map[string]bool{}, class: true, priority: it.Proposal.Priority}
			for _, d := range members(it.Entry) {
				o.drugs[d.Key] = true
			}
			out = append(out, o)
		default: // care and monitoring run into nothing
		}
	}
	return out
}

// judge finds what the rules say about an item, and gives its verdict.
func (p *patient) judge(it *Item, others []other) {
	it.Findings, it.Excluded, it.Verdict = nil, nil, VerdictKept
	switch {
	case it.Entry == nil:
		it.Findings, it.Verdict = []Finding{{Rule: unknownRule}}, VerdictRemoved
		return
	case it.Proposal.Kind == KindDrug:
		vs, removed := p.drug(it.Entry, it.Proposal.Priority, others)
		for _, v := range vs {
			it.Findings = append(it.Findings, v.finding())
		}
		if removed {
			it.Verdict = VerdictRemoved
		}
	case it.Proposal.Kind == KindClass:
		p.class(it, others)
	}
	it.finish()
}

// drug gives what every rule says about a drug, and whether it does not stand.
func (p *patient) drug(d *terms.Entry, priority float64, others []other) (out []verdict, removed bool) {
	seen := map[string]int{}
	for _, u := range loaded().byDrug[d.Key] {
		v := p.decide(u, d, priority, others)
		if v.truth == no {
			continue
		}
		stands := !v.beaten || v.rivalled && p.choices
		removed = removed || v.truth == yes && !stands && u.Severity == SeverityContraindicated
		if i, again := seen[u.ID]; again { // the other side of an interaction
			out[i].merge(v)
			continue
		}
		seen[u.ID] = len(out)
		out = append(out, v)
	}
	return out, removed
}

// merge joins what one rule says twice.
func (v *verdict) merge(w verdict) {
	if w.truth > v.truth {
		v.truth, v.lacks = w.truth, w.lacks
	}
	v.against = append(v.against[:len(v.against):len(v.against)], w.against...)
	v.values = append(v.values[:len(v.values):len(v.values)], w.values...)
	if v.truth == w.truth && v.truth == unknown {
		v.lacks = append(v.lacks[:len(v.lacks):len(v.lacks)], w.lacks...)
	}
}

func (v *verdict) finding() Finding {
	f := Finding{Rule: v.rule, Against: slices.Clone(v.against)}
	sortAgainst(f.Against)
	f.Against = slices.CompactFunc(f.Against, func(a, b Against) bool { return a.sortKey() == b.sortKey() })
	seen := map[string]bool{}
	for _, x := range v.values {
		if !seen[x.Name] {
			seen[x.Name] = true
			f.Values = append(f.Values, x)
		}
	}
	if v.truth == unknown {
		f.Lacks = distinct(v.lacks)
	}
	return f
}

func distinct(lacks []Lack) []Lack {
	out := slices.Clone(lacks)
	slices.SortStableFunc(out, func(a, b Lack) int { return strings.Compare(a.What, b.What) })
	return slices.CompactFunc(out, func(a, b Lack) bool { return a.What == b.What })
}

// class judges a class by its drugs: a finding about some of them names them, and the class does
// not stand where none of them does.
func (p *patient) class(it *Item, others []other) {
	of := members(it.Entry)
	// The class and a drug of it, proposed together, say the same thing twice.
	others = slices.DeleteFunc(slices.Clone(others), func(o other) bool { return !o.class && slices.Contains(of, o.entry) })
	byRule := map[string]*verdict{}
	whom := map[string][]*terms.Entry{}
	var order []string
	for _, d := range of {
		vs, removed := p.drug(d, it.Proposal.Priority, others)
		if removed {
			it.Excluded = append(it.Excluded, d)
		}
		for i := range vs {
			// What is certain for some weighs more than what is open for others.
			id := vs[i].rule.ID
			if known := byRule[id]; known == nil {
				byRule[id] = &vs[i]
				order = append(order, id)
			} else {
				if vs[i].truth > known.truth {
					whom[id] = nil
				} else if vs[i].truth < known.truth {
					continue
				}
				known.merge(vs[i])
			}
			whom[id] = append(whom[id], d)
		}
	}
	for _, id := range order {
		f := byRule[id].finding()
		if len(whom[id]) < len(of) {
			if rank(f.Rule.Severity) < rank(SeverityMajor) && 2*len(whom[id]) < len(of) {
				continue // of a few drugs of the class, only what is grave
			}
			f.Members = whom[id]
		}
		it.Findings = append(it.Findings, f)
	}
	if len(of) > 0 && len(it.Excluded) == len(of) {
		it.Verdict = VerdictRemoved
	}
}

// finish orders the findings, and marks the item where there is something to read first.
func (it *Item) finish() {
	slices.SortStableFunc(it.Findings, func(a, b Finding) int {
		if a.Fired() != b.Fired() {
			return cmp.Compare(len(a.Lacks), len(b.Lacks))
		}
		return cmp.Or(cmp.Compare(rank(b.Rule.Severity), rank(a.Rule.Severity)), strings.Compare(a.Rule.ID, b.Rule.ID))
	})
	if it.Verdict == VerdictRemoved {
		// Of what does not stand, the reasons are told: not what else would have had to be looked up.
		it.Findings = slices.DeleteFunc(it.Findings, func(f Finding) bool { return !f.Fired() || f.Rule.Kind == RuleMonitoring })
		return
	}
	for _, f := range it.Findings {
		if rank(f.Rule.Severity) > rank(SeverityMonitor) {
			it.Verdict = VerdictMarked
		}
	}
}
