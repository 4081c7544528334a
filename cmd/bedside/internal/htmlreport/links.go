package htmlreport

import (
	"fmt"
	"html/template"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/bedside-lm/bedside/clinical/render"
)

const (
	mostRefs = 8    // listed with one statement; the rows say what else names them
	mostRows = 2000 // of readings
)

// anchor is where an entry of the record stands in the page.
type anchor struct{ ID, Ref string }

// links join statements and the entries of the record that they rest on, both ways.
type links struct {
	w       *words
	anchors map[string]string   // by reference: "Observation/hr-0800" to "e17"
	usedIn  map[string][]string // by anchor: statements, such as "s3"
	claims  map[string]int      // by letter: how many there are
	others  []fact              // entries that are no readings
	omitted int
}

// newLinks gives every entry that the page can show its anchor.
func newLinks(w *words, doc *render.Document, measures []render.Measure) *links {
	l := &links{w: w, anchors: map[string]string{}, usedIn: map[string][]string{}, claims: map[string]int{}}
	for i := range measures {
		for _, r := range measures[i].Readings {
			l.add(r.Reference)
		}
	}
	for _, s := range doc.Sections {
		for _, f := range s.Facts {
			var names []anchor
			for _, reference := range f.Evidence {
				if l.anchors[reference] == "" {
					l.add(reference)
					names = append(names, anchor{l.anchors[reference], reference})
				}
			}
			if len(names) > 0 {
				l.others = append(l.others, fact{Text: f.Text, Names: names})
			}
		}
	}
	return l
}

func (l *links) add(reference string) {
	if l.anchors[reference] == "" {
		l.anchors[reference] = "e" + strconv.Itoa(len(l.anchors)+1)
	}
}

func (l *links) anchorOf(reference string) string { return l.anchors[reference] }

// claim is a statement that rests on entries of the record; letter says what kind it is.
func (l *links) claim(letter, text string, evidence []string, note string) fact {
	l.claims[letter]++
	f := fact{ID: letter + strconv.Itoa(l.claims[letter]), Text: text, Note: note}
	f.Refs, f.More = l.refs(evidence)
	for _, reference := range evidence {
		if a := l.anchors[reference]; a != "" && !slices.Contains(l.usedIn[a], f.ID) {
			l.usedIn[a] = append(l.usedIn[a], f.ID)
		}
	}
	return f
}

// refs lists references, without the kind of resource where it is the one before's.
func (l *links) refs(evidence []string) (out []ref, more string) {
	last := ""
	for i, reference := range evidence {
		if i == mostRefs {
			return out, fmt.Sprintf(l.w.More, len(evidence)-mostRefs)
		}
		kind, name, _ := strings.Cut(reference, "/")
		text := reference
		if kind == last && name != "" {
			text = name
		}
		last = kind
		out = append(out, ref{l.anchors[reference], text})
	}
	return out, ""
}

// reference is how a text of the server's names an entry of the record.
var reference = regexp.MustCompile(`\b[A-Z][A-Za-z]+/[A-Za-z0-9.-]{1,64}`)

// parts cuts a text at the references in it, which become links where the page has the entry.
func (l *links) parts(text string) (out []ref) {
	at := 0
	for _, m := range reference.FindAllStringIndex(text, -1) {
		found := text[m[0]:m[1]]
		if l.anchors[found] == "" {
			continue
		}
		out = append(out, ref{Text: text[at:m[0]]}, ref{l.anchors[found], found})
		at = m[1]
	}
	return append(out, ref{Text: text[at:]})
}

// facts are those of the record itself, which are no claims.
func (l *links) facts(all []render.Fact) []fact {
	out := make([]fact, len(all))
	for i, f := range all {
		out[i].Text = f.Text
		out[i].Refs, out[i].More = l.refs(f.Evidence)
	}
	return out
}

// used adds what rests on the entries of a row.
func (l *links) used(f *fact) {
	for _, n := range f.Names {
		f.UsedIn = append(f.UsedIn, l.usedIn[n.ID]...)
	}
	slices.Sort(f.UsedIn)
	f.UsedIn = slices.Compact(f.UsedIn)
	f.Class = marked(f.UsedIn)
}

// marked are the classes by which the style sheet finds what a statement rests on.
func marked(claims []string) string {
	out := make([]string, len(claims))
	for i, c := range claims {
		out[i] = "for-" + c
	}
	return strings.Join(out, " ")
}

// style is the style sheet: pointing at a statement marks its rows, for which a rule each is needed where there are no
// scripts. All in it is the page's own.
func (l *links) style() template.CSS {
	var out strings.Builder
	out.WriteString(styleText)
	for _, letter := range []string{"f", "n", "s", "d", "t"} {
		for i := range l.claims[letter] {
			id := letter + strconv.Itoa(i+1)
			fmt.Fprintf(&out, "body:has(#%s:hover) .for-%s,body:has(#%s:target) .for-%s{background:var(--mark)}\n", id, id, id, id)
		}
	}
	return template.CSS(out.String()) //nolint:gosec // letters and numbers
}

// tables are all readings, by groups of measures. Beyond mostRows those that nothing rests on are left out.
func (l *links) tables(measures []render.Measure) []table {
	room := mostRows
	for i := range measures {
		for _, r := range measures[i].Readings {
			if len(l.usedIn[l.anchors[r.Reference]]) > 0 {
				room--
			}
		}
	}
	var out []table
	for i := range measures {
		m := &measures[i]
		shown := measure{Name: m.Name}
		for _, r := range m.Readings {
			used := l.usedIn[l.anchors[r.Reference]]
			if len(used) == 0 {
				if room <= 0 {
					l.omitted++
					continue
				}
				room--
			}
			shown.Rows = append(shown.Rows, l.row(&r, used))
		}
		if len(shown.Rows) == 0 {
			continue
		}
		heading := l.w.group[m.Group]
		if n := len(out); n == 0 || out[n-1].Heading != heading {
			out = append(out, table{Heading: heading})
		}
		out[len(out)-1].Measures = append(out[len(out)-1].Measures, shown)
	}
	l.firstOnly(out)
	return out
}

func (l *links) row(r *render.Reading, used []string) row {
	out := row{
		Anchor: l.anchors[r.Reference], ID: strings.TrimPrefix(r.Reference, "Observation/"), Time: r.Time, Text: r.Text,
		Range: rangeText(r.Low, r.High), UsedIn: used, Class: marked(used),
	}
	var flags, marks []string
	for _, f := range []string{r.Flag, r.SecondFlag} {
		if word := l.w.flag[f]; word != "" && !slices.Contains(flags, word) {
			flags = append(flags, word)
		}
	}
	for _, m := range r.Marks {
		marks = append(marks, l.w.mark[m])
	}
	out.Flag, out.Marks = strings.Join(flags, ", "), strings.Join(marks, ", ")
	return out
}

// firstOnly takes an anchor off all rows but its first: an observation with several values has several.
func (l *links) firstOnly(tables []table) {
	seen := map[string]bool{}
	for _, t := range tables {
		for _, m := range t.Measures {
			for i := range m.Rows {
				if a := m.Rows[i].Anchor; seen[a] {
					m.Rows[i].Anchor = ""
				} else {
					seen[a] = true
				}
			}
		}
	}
}

func rangeText(low, high *float64) string {
	switch {
	case low != nil && high != nil:
		return short(*low) + "–" + short(*high)
	case low != nil:
		return "≥ " + short(*low)
	case high != nil:
		return "≤ " + short(*high)
	}
	return ""
}
