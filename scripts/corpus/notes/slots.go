package main

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/bedside-lm/bedside/clinical/note"
	"github.com/bedside-lm/bedside/clinical/terms"
)

// Shares of what slots are filled with.
const (
	unlistedShare = 0.06 // names that the table does not have
	heldShare     = 0.35 // of the validation and the test set: names kept for it
	ownDisease    = 0.4  // what the patient has
	ownDrug       = 0.5
	ownValue      = 0.6
	raised        = 0.7 // names that begin an English sentence with a capital
)

var slot = regexp.MustCompile(`\{([a-z]+2?)(?::([a-z]))?(\*?)\}`)

// sentence writes a template whose choices are made.
func (w *writer) sentence(s string) {
	start := w.text.Len()
	var of *measured
	at := 0
	for _, m := range slot.FindAllStringSubmatchIndex(s, -1) {
		w.text.WriteString(s[at:m[0]])
		at = m[1]
		word, list := s[m[2]:m[3]], m[6] < m[7]
		switch {
		case m[4] >= 0:
			w.names(relations[word], s[m[4]:m[5]], list, w.text.Len() == start)
		case word == "vals":
			w.values()
		case word == "m" || word == "v" || word == "o" || word == "o2":
			if of == nil {
				of = w.measure()
			}
			w.measured(of, word)
		default:
			w.text.WriteString(w.word(word))
		}
	}
	w.text.WriteString(s[at:])
}

// names writes one name, or a list of up to three.
func (w *writer) names(relation note.Relation, kind string, list, first bool) {
	count := 1
	if list {
		count = []int{1, 1, 1, 2, 2, 2, 3, 3}[w.rng.IntN(8)]
	}
	joins := w.joins(relation == note.Denied)
	between := joins[w.rng.IntN(len(joins))]
	for i := range count {
		switch {
		case i > 0 && i == count-1:
			w.text.WriteString(between[1])
		case i > 0:
			w.text.WriteString(between[0])
		}
		t := w.thing(relation, kind)
		name := t.name
		if first && i == 0 && w.lang == terms.English && w.rng.Float64() < raised {
			r, n := utf8.DecodeRuneInString(name)
			name = string(unicode.ToUpper(r)) + name[n:]
		}
		start := w.text.Len()
		w.text.WriteString(name)
		if relation == note.Named && t.entry == nil {
			continue
		}
		w.marks = append(w.marks, mark{span: note.Span{Start: start, End: w.text.Len()}, entry: t.entry, relation: relation})
	}
}

// joins are what stands between the names of a list, and before its last.
func (w *writer) joins(denied bool) [][2]string {
	switch {
	case w.lang == terms.Chinese && w.part == "test":
		return [][2]string{{"、", "、"}, {"，", "以及"}, {"；", "；"}}
	case w.lang == terms.Chinese && denied:
		return [][2]string{{"、", "、"}, {"、", "、"}, {"、", "及"}, {"、", "或"}, {"，", "，"}}
	case w.lang == terms.Chinese:
		return [][2]string{{"、", "、"}, {"、", "、"}, {"、", "及"}, {"、", "和"}, {"，", "，"}}
	case w.part == "test":
		return [][2]string{{", ", " and "}, {"; ", "; "}, {", ", " as well as "}}
	case denied:
		return [][2]string{{", ", " or "}, {", ", " and "}, {", ", ", "}, {"/", "/"}, {", ", ", or "}}
	}
	return [][2]string{{", ", " and "}, {", ", " & "}, {", ", ", "}, {" + ", " + "}, {"/", "/"}, {", ", ", and "}}
}

// thing draws what a slot is filled with, nothing twice in a note.
func (w *writer) thing(relation note.Relation, kind string) thing {
	key := groupKey{w.lang, kind}
	for range attempts {
		t := w.drawn(relation, kind, listed()[key])
		if t.entry != nil && slices.Contains(w.used, t.entry) || strings.Contains(w.text.String(), t.name) {
			continue
		}
		if t.entry != nil {
			w.used = append(w.used, t.entry)
		}
		return t
	}
	panic("all names stand in one note")
}

func (w *writer) drawn(relation note.Relation, kind string, from group) thing {
	if x := w.rng.Float64(); x < unlistedShare && relation != note.Named {
		others, _ := unlisted() // run has loaded them
		of := others[groupKey{w.lang, kind}][w.part]
		return of[w.rng.IntN(len(of))]
	}
	own := w.own(relation, kind)
	if own != nil {
		of := slices.DeleteFunc(slices.Concat(from[common], from[w.part]), func(t thing) bool { return t.entry != own })
		if len(of) > 0 {
			return of[w.rng.IntN(len(of))]
		}
	}
	of := from[common]
	if kept := from[w.part]; len(kept) > 0 && w.rng.Float64() < heldShare {
		of = kept
	}
	return of[w.rng.IntN(len(of))]
}

// own is a thing that the patient has, or nil.
func (w *writer) own(relation note.Relation, kind string) *terms.Entry {
	switch {
	case relation == note.Diagnosis && kind == "d" && w.rng.Float64() < ownDisease:
		return terms.ByCode("diagnosis", "I"+w.person.disease)
	case (relation == note.Given || relation == note.Ordered) && len(w.person.drugs) > 0 && w.rng.Float64() < ownDrug:
		return w.person.drugs[w.rng.IntN(len(w.person.drugs))]
	}
	return nil
}

// measured is a measure of a sentence, in one way of writing it.
type measured struct {
	gauge gauge
	name  string
	unit  string
	value string
	mark  int // in the draft's marks, or -1
}

func (w *writer) measure() *measured {
	all, _ := gauges() // run has loaded them
	g := all[w.rng.IntN(len(all))]
	value := g.number(w.rng)
	var own []gauge
	for _, of := range all {
		if w.person.values[of.entry] != "" {
			own = append(own, of)
		}
	}
	if len(own) > 0 && w.rng.Float64() < ownValue {
		g = own[w.rng.IntN(len(own))]
		value = w.person.values[g.entry]
	}
	names := g.entry.Names[w.lang]
	if short := g.entry.Abbr[w.lang]; short != "" && w.rng.IntN(2) == 0 {
		names = []string{short}
	}
	kept := slices.DeleteFunc(slices.Clone(names), func(n string) bool { h := held(n); return h != common && h != w.part })
	if len(kept) > 0 {
		names = kept
	}
	units := g.units[w.lang]
	return &measured{gauge: g, name: names[w.rng.IntN(len(names))], unit: units[w.rng.IntN(len(units))], value: value, mark: -1}
}

// measured writes a part of a measure: its name, its value, another number.
func (w *writer) measured(m *measured, part string) {
	start := w.text.Len()
	switch part {
	case "m":
		w.text.WriteString(m.name)
		w.used = append(w.used, m.gauge.entry)
		w.marks = append(w.marks, mark{span: note.Span{Start: start, End: w.text.Len()}, entry: m.gauge.entry, relation: note.Named})
		m.mark = len(w.marks) - 1
	case "v":
		w.text.WriteString(m.value + m.unit)
		of := &w.marks[m.mark]
		of.relation, of.value = note.Value, note.Span{Start: start, End: w.text.Len()}
	default:
		w.text.WriteString(m.gauge.number(w.rng))
		if w.rng.IntN(3) == 0 {
			w.text.WriteString(m.unit)
		}
	}
}

// values writes one to four measures with their values.
func (w *writer) values() {
	joins, links := []string{", ", ", ", " ", "; ", " / "}, []string{" ", " ", ": ", " of ", " = ", ""}
	if w.lang == terms.Chinese {
		joins, links = []string{"，", "、", "，", " ", "；"}, []string{"", "", " ", "：", "为", "："}
	}
	join, link := joins[w.rng.IntN(len(joins))], links[w.rng.IntN(len(links))]
	for i := range 1 + w.rng.IntN(4) {
		m := w.measure()
		if slices.Contains(w.used, m.gauge.entry) {
			continue
		}
		if i > 0 {
			w.text.WriteString(join)
		}
		w.measured(m, "m")
		w.text.WriteString(link)
		w.measured(m, "v")
	}
}

// word writes the other slots.
func (w *writer) word(slot string) string {
	pick := func(of ...string) string { return of[w.rng.IntN(len(of))] }
	number := func(from, to int) string { return strconv.Itoa(from + w.rng.IntN(to-from+1)) }
	female, chinese := 0, w.lang == terms.Chinese
	if w.person.female {
		female = 1
	}
	switch slot {
	case "age":
		if w.person.age != "" {
			return w.person.age
		}
		return number(18, 95)
	case "sex":
		return [2]string{"M", "F"}[female]
	case "sexw":
		if chinese {
			return [2]string{"男", "女"}[female]
		}
		return [2]string{pick("male", "man", "gentleman"), pick("female", "woman", "lady")}[female]
	case "n":
		return number(2, 9)
	case "year":
		return number(2001, 2025)
	case "date":
		if chinese {
			return number(1, 12) + "月" + number(1, 28) + "日"
		}
		return pick(number(1, 28)+"/"+number(1, 12), number(1, 28)+" "+pick("March", "May", "June", "Sept", "Nov"))
	case "time":
		return number(10, 23) + pick(":00", ":15", ":30", ":45", ":20")
	case "dose":
		return pick("300 mg", "1 g", "5 mg", "40 mg", "2 g", "500mg", "10 mg", "75 mg", "0.5 mg")
	}
	panic("data: no slot " + slot)
}
