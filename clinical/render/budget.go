package render

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/bedside-lm/bedside/clinical/record"
)

// Text returns the document as plain text: headings, and one line for each fact. Where facts
// were left out, a section that lost all of its own is not shown, and the last lines say so.
func (d *Document) Text() string {
	p := phrasesFor(d.Lang, d.Style)
	bullet, gap := "- ", "\n"
	if p.compact {
		bullet, gap = "", ""
	}
	var b strings.Builder
	for _, s := range d.Sections {
		if len(s.Facts) == 0 && d.Omitted > 0 {
			continue
		}
		if b.Len() > 0 {
			b.WriteString(gap)
		}
		switch {
		case len(s.Facts) == 0 && p.compact:
			b.WriteString(p.mark(s.Heading) + p.colon + p.nothing + "\n")
		case p.compact:
			b.WriteString(p.mark(s.Heading) + "\n")
		default:
			b.WriteString(s.Heading + "\n")
		}
		if len(s.Facts) == 0 && !p.compact {
			b.WriteString(bullet + p.nothing + "\n")
		}
		for _, f := range s.Facts {
			b.WriteString(bullet + f.Text + "\n")
		}
	}
	if d.Omitted > 0 {
		b.WriteString(gap + fmt.Sprintf(p.omitted, d.Omitted) + "\n")
	}
	if d.OverBudget {
		b.WriteString(p.overBudget + "\n")
	}
	return b.String()
}

// fit leaves out facts until the text keeps to the budget: always the least informative ones,
// so that none is missing while a less informative one is shown.
func (r *renderer) fit(doc *Document) {
	count := r.opt.CountTokens
	if count == nil {
		count = EstimateTokens
	}
	if r.opt.TokenBudget <= 0 {
		if r.opt.CountTokens != nil {
			doc.Tokens = count(doc.Text())
		}
		return
	}
	if doc.Tokens = count(doc.Text()); doc.Tokens <= r.opt.TokenBudget {
		return
	}
	order := ranking(doc)
	critical := sort.Search(len(order), func(i int) bool { return order[i].tier < tierCritical })
	size := func(n int) int { return count(doc.keep(order, n).Text()) }
	// The most facts that fit, found by halves; a tokenizer may join lines, so the end is walked.
	n := critical + sort.Search(len(order)-critical, func(i int) bool { return size(critical+i+1) > r.opt.TokenBudget })
	n = min(n, len(order)-1)
	for n > critical && size(n) > r.opt.TokenBudget {
		n--
	}
	n = max(n, critical)
	*doc = *doc.keep(order, n)
	if doc.Omitted > 0 {
		r.note(NoticeOmitted, "document", fmt.Sprintf("%d facts left out: the text may have %d tokens", doc.Omitted, r.opt.TokenBudget))
	}
	if doc.Tokens = count(doc.Text()); doc.Tokens > r.opt.TokenBudget {
		doc.OverBudget = true
		doc.Tokens = count(doc.Text())
		r.note(NoticeOverBudget, "document", fmt.Sprintf("the critical facts alone are longer than %d tokens", r.opt.TokenBudget))
	}
}

// keep is the document with the first n facts of a ranking, in their places.
func (d *Document) keep(order []ranked, n int) *Document {
	out := *d
	out.Sections = slices.Clone(d.Sections)
	out.Omitted = len(order) - n
	kept := make([][]bool, len(d.Sections))
	for i, s := range d.Sections {
		kept[i] = make([]bool, len(s.Facts))
	}
	for _, x := range order[:n] {
		kept[x.section][x.index] = true
	}
	for i, s := range d.Sections {
		facts := make([]Fact, 0, len(s.Facts))
		for j, f := range s.Facts {
			if kept[i][j] {
				facts = append(facts, f)
			}
		}
		out.Sections[i].Facts, out.Sections[i].Omitted = facts, len(s.Facts)-len(facts)
	}
	return &out
}

// ranked is a fact and how much a reader would miss it.
type ranked struct {
	section, index int
	tier           int
	latest         time.Time
}

// The tiers, the least informative first.
const (
	tierEstimated  = iota // never measured
	tierSettled           // normal or stable, over, about the instruments, or told by a critical fact
	tierPlain             // all else
	tierMoving            // a trend, an abnormal reading, a drug given, what the stay is for
	tierOutOfRange        // a value out of range that no critical fact tells; early-warning scores
	tierCritical          // Fact.Critical
)

// ranking orders a document's facts, the most informative first: by tier, then the more recent
// first, then as they stand.
func ranking(doc *Document) []ranked {
	var out []ranked
	told := map[string]bool{} // the measures whose latest value a critical fact tells
	for _, s := range doc.Sections {
		for _, f := range s.Facts {
			if s.Kind == SectionOpen && f.Critical && len(f.Terms) > 0 {
				told[f.Terms[0].Key] = true
			}
		}
	}
	for i, s := range doc.Sections {
		for j := range s.Facts {
			f := &s.Facts[j]
			out = append(out, ranked{i, j, tier(s.Kind, f, told), latest(f.Dates)})
		}
	}
	slices.SortStableFunc(out, func(a, b ranked) int {
		return cmp.Or(cmp.Compare(b.tier, a.tier), b.latest.Compare(a.latest))
	})
	return out
}

func latest(dates []record.DateTime) time.Time {
	var out time.Time
	for _, d := range dates {
		if d.Time.After(out) {
			out = d.Time
		}
	}
	return out
}

func tier(kind SectionKind, f *Fact, told map[string]bool) int {
	switch {
	case f.Critical:
		return tierCritical
	case slices.Contains(f.Marks, record.MarkImputed) && !f.has(RoleValue) && !f.has(RoleLast):
		return tierEstimated
	case len(f.Terms) > 0 && told[f.Terms[0].Key] && f.has(RoleValue):
		return tierSettled
	case abnormal(f.Flag) && !f.has(RoleFirst) || f.has(RolePoints):
		return tierOutOfRange
	case f.State == StatePast || f.names(TermVaccine) || f.names(TermDevice):
		return tierSettled
	case f.moves() || kind == SectionWho || kind == SectionWhy && len(f.Dates) == 0:
		return tierMoving
	case f.Trend == TrendStable || f.Flag == FlagNormal:
		return tierSettled
	case slices.ContainsFunc(f.Numbers, func(n Number) bool { return n.Unit == "{sample}" }):
		return tierSettled // a waveform's length
	}
	return tierPlain
}

// moves says whether something happens in a fact: a trend, an abnormal reading, a drug given.
func (f *Fact) moves() bool {
	return f.Trend == TrendRising || f.Trend == TrendFalling || f.Trend == TrendFluctuating ||
		f.State == StateAdministered || f.State == StateSuspected || f.State == StatePreliminary ||
		slices.ContainsFunc(f.Numbers, func(n Number) bool { return abnormal(n.Flag) })
}

func (f *Fact) has(r Role) bool {
	return slices.ContainsFunc(f.Numbers, func(n Number) bool { return n.Role == r })
}

func (f *Fact) names(k TermKind) bool {
	return slices.ContainsFunc(f.Terms, func(t Term) bool { return t.Kind == k })
}

func abnormal(flag string) bool { return flag != "" && flag != FlagNormal }
