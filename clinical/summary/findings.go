package summary

import (
	"slices"
	"strings"
	"sync"

	"github.com/bedside-lm/bedside/clinical/render"
	"github.com/bedside-lm/bedside/clinical/terms"
)

// sign is a finding that readings alone can bear out: which measure, and on which side of its range.
type sign struct {
	measure string
	flag    string
}

// signs are findings by the key of their entry in the table of terms. One that the record files as a diagnosis is held
// against that instead. Anaemia and the like are left out: they take more than one reading to say.
var signs = sync.OnceValue(func() map[string]sign {
	out := map[string]sign{}
	for name, s := range map[string]struct{ loinc, flag string }{
		"fever": {"8310-5", render.FlagHigh}, "tachycardia": {"8867-4", render.FlagHigh}, "bradycardia": {"8867-4", render.FlagLow},
		"hypotension": {"8480-6", render.FlagLow}, "hypoxemia": {"2708-6", render.FlagLow},
		"hypokalemia": {"2823-3", render.FlagLow}, "hyperkalemia": {"2823-3", render.FlagHigh}, "hyponatremia": {"2951-2", render.FlagLow},
	} {
		out["diagnosis:"+name] = sign{terms.Measure(s.loinc).Key, s.flag}
	}
	return out
})

// signOf is the sign that a mention names, where the record itself has no such diagnosis.
func (a *analysis) signOf(m mention) (sign, bool) {
	if len(a.factsOf(m)) > 0 {
		return sign{}, false
	}
	for _, n := range m.names {
		if s, ok := signs()[n.key]; ok {
			return s, true
		}
	}
	return sign{}, false
}

// signStands holds a sign against the readings of its measure: that there was none needs readings, and none of them out of
// range on that side; that there is one needs the latest reading, or any where the sentence speaks of the past or of a time.
func (a *analysis) signStands(k int, s sign, denied bool) bool {
	m := a.mentions[k]
	rs, facts := a.readings(s.measure)
	when := -1
	for i := range a.moments {
		if a.momentTaken(i) {
			continue
		}
		if when >= 0 {
			return false // nobody knows which time it is said of
		}
		when = i
	}
	if when >= 0 {
		rs = slices.DeleteFunc(slices.Clone(rs), func(r reading) bool { return !a.moments[when].fitsTime(r.at) })
	}
	has := func(r reading) bool { return r.flag == s.flag }
	unknown := slices.ContainsFunc(rs, func(r reading) bool { return r.flag == "" })
	stands := false
	switch {
	case len(rs) == 0:
	case denied:
		stands = !unknown && !slices.ContainsFunc(rs, has)
	case when >= 0 || a.find(a.lex.bygone) != nil:
		stands = slices.ContainsFunc(rs, has)
	default:
		stands = has(rs[len(rs)-1])
	}
	if !stands {
		return false
	}
	if when >= 0 {
		a.held[when] = true
	}
	a.kept[k] = slices.DeleteFunc(slices.Clone(facts), func(i int) bool { return a.facts[i].Negated })
	for _, i := range a.kept[k] {
		a.used[i] = true
		if denied || !m.is("measure") {
			a.numeric[i] = true
		}
	}
	return true
}

// ownNames are names that only sentences have: classes of drugs, and words that deny what they name.
var ownNames = map[render.Lang]func() dictionary{
	render.English: sync.OnceValue(func() dictionary { return fromClasses(render.English) }),
	render.Chinese: sync.OnceValue(func() dictionary { return fromClasses(render.Chinese) }),
}

func fromClasses(lang render.Lang) dictionary {
	d := dictionary{}
	for _, e := range terms.Entries() {
		if e.Kind != kindClass {
			continue
		}
		for _, n := range e.Names[lang] {
			d.add(n, e.Key, e.Kind)
		}
	}
	if lang == render.English {
		d.add("afebrile", "diagnosis:fever", kindDenial)
	}
	d.sort()
	return d
}

const (
	kindClass  = "drug-class"
	kindDenial = "denial"
)

// factsOfClass are the facts that name a drug of a class.
func (a *analysis) factsOfClass(key string) []int {
	class := entryOf(key)
	if class == nil {
		return nil
	}
	var out []int
	for i, f := range a.facts {
		if slices.ContainsFunc(f.Terms, func(t render.Term) bool {
			drug := entryOf(t.Key)
			return t.Kind == render.TermDrug && drug != nil && drug.InClass(class)
		}) {
			out = append(out, i)
		}
	}
	return out
}

var entriesByKey = sync.OnceValue(func() map[string]*terms.Entry {
	out := map[string]*terms.Entry{}
	for _, e := range terms.Entries() {
		out[e.Key] = e
	}
	return out
})

func entryOf(key string) *terms.Entry { return entriesByKey()[key] }

// classStands says whether a drug of the class was given, or ordered where the sentence speaks of an order alone. That
// none was is never borne out: what was not filed may still have been given.
func (a *analysis) classStands(k int, denied bool) bool {
	if denied {
		return false
	}
	m := a.mentions[k]
	state := render.StateAdministered
	if ordered, given := a.find(a.lex.ordered), a.find(a.lex.given); ordered != nil && (given == nil || !a.closer(m, given, ordered)) {
		state = render.StateOrdered
	}
	var kept []int
	for _, n := range m.names {
		if !strings.HasPrefix(n.key, kindClass+":") {
			continue
		}
		for _, i := range a.factsOfClass(n.key) {
			if f := &a.facts[i]; f.State == state && !f.Negated {
				kept = append(kept, i)
				a.used[i] = true
			}
		}
	}
	a.kept[k] = kept
	return len(kept) > 0
}
