package treatment

import (
	"cmp"
	"slices"
	"strings"

	"github.com/bedside-lm/bedside/clinical/terms"
	"github.com/bedside-lm/bedside/clinical/treatment/rules"
)

// Named are the drugs of a model's answer, "ceftriaxone, metronidazole" or "头孢曲松、甲硝唑", in its order. What the table of terms does
// not know is passed over: a model can put forward what guidelines name, and nothing else.
func Named(answer string) []*terms.Entry {
	var out []*terms.Entry
	for _, name := range strings.FieldsFunc(answer, func(r rune) bool { return strings.ContainsRune(",，、;；\n", r) }) {
		e := terms.ByName("drug", strings.Trim(name, " .。"))
		if e != nil && !slices.Contains(out, e) {
			out = append(out, e)
		}
	}
	return out
}

// NamedBy says where in a model's answer a suggestion stands: the drug, or a drug of the class; -1 where it does not.
func NamedBy(named []*terms.Entry, it *rules.Item) int {
	return slices.IndexFunc(named, func(drug *terms.Entry) bool {
		switch it.Proposal.Kind {
		case rules.KindDrug:
			return drug == it.Entry
		case rules.KindClass:
			return it.Entry != nil && drug.InClass(it.Entry)
		case rules.KindCare, rules.KindMonitor: // models are asked for drugs
		}
		return false
	})
}

// kinds are in the order in which they are shown.
var kinds = []rules.ProposalKind{rules.KindClass, rules.KindDrug, rules.KindCare, rules.KindMonitor}

func byKind(a, b *rules.Item) int {
	return cmp.Compare(slices.Index(kinds, a.Proposal.Kind), slices.Index(kinds, b.Proposal.Kind))
}

// Order is the places of the plan's items as they are shown: what was removed last, by kind, within it what a model named
// first, and else as they stand. A model changes nothing but this.
func (p *Plan) Order(named []*terms.Entry) []int {
	last := func(it *rules.Item) int {
		if it.Verdict == rules.VerdictRemoved {
			return 1
		}
		return 0
	}
	place := func(it *rules.Item) int {
		if at := NamedBy(named, it); at >= 0 {
			return at
		}
		return len(named)
	}
	out := make([]int, len(p.Items))
	for i := range out {
		out[i] = i
	}
	slices.SortStableFunc(out, func(i, j int) int {
		a, b := &p.Items[i], &p.Items[j]
		return cmp.Or(cmp.Compare(last(a), last(b)),
			byKind(a, b), cmp.Compare(place(a), place(b)))
	})
	return out
}

var notices = map[terms.Lang]string{
	terms.English: "This list to choose from supports a clinician and decides nothing. It is not complete, and what the rules do not name is not thereby safe.",
	terms.Chinese: "本列表供临床医师选择参考，不作任何决定。列表并不完整，规则未提及者并非因此安全。",
}

// Notice says what a plan is worth.
func Notice(lang terms.Lang) string { return notices[lang] }
