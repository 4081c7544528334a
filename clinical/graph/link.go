package graph

import (
	"regexp"
	"slices"
	"strings"

	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/terms"
)

// system is a terminology that nodes are linked to: a name for ids, its URI, its letter in the table of terms.
type system struct {
	name, uri string
	letter    byte // 0 where the table has no codes of it
	form      *regexp.Regexp
}

// systems are the terminologies, those that name a concept before those that only fit it.
//
// What is filed as a code is one only in its system's form: anything else could be words.
var systems = []system{
	{"loinc", record.SystemLOINC, 'L', regexp.MustCompile(`^[0-9]{1,6}-[0-9]$`)},
	{"icd10cm", record.SystemICD10CM, 'I', icd10Form},
	{"rxnorm", record.SystemRxNorm, 'R', regexp.MustCompile(`^[0-9]{1,8}$`)},
	{"cvx", record.SystemCVX, 'X', regexp.MustCompile(`^[0-9]{1,3}$`)},
	{"atc", record.SystemATC, 'A', regexp.MustCompile(`^[A-Z][0-9]{2}([A-Z]([A-Z]([0-9]{2})?)?)?$`)},
	{"mdc", record.SystemIEEE11073, 'M', regexp.MustCompile(`^[0-9]{1,8}$`)},
	{"icd10", record.SystemICD10, 0, icd10Form},
	{"snomed", record.SystemSNOMED, 0, regexp.MustCompile(`^[0-9]{6,18}$`)},
}

var icd10Form = regexp.MustCompile(`^[A-Z][0-9][0-9A-Z](\.?[0-9A-Z]{1,4})?$`)

// Link is how a concept was linked.
type Link struct {
	Node  string
	Entry *terms.Entry // nil where the table of terms does not have it
	Exact bool         // false where only the ICD-10 category is in the table
	Coded bool         // a code was filed for it, not words alone
	// Disputed says that the words filed with the code are another entry's. The code counts.
	Disputed bool
}

// sure is how sure a link is: by a code of the table, by a name of it, or by less.
func (l Link) sure() float64 {
	switch {
	case l.Disputed || l.Entry == nil && !l.Coded:
		return 0.5
	case l.Coded && (l.Exact || l.Entry == nil):
		return 1
	}
	return 0.9
}

// concept adds the node of a concept: under its entry's own code where the table of terms has it, so that
// all codes and names of a thing are one node; else under the code filed, without words; else under a
// digest of its words, unlinked.
func (b *builder) concept(p *Pseudonyms, kind Kind, c record.Concept) Link {
	if c.IsZero() {
		return Link{}
	}
	table := tableKind(kind)
	entry, exact := terms.Find(table, c)
	if entry == nil && kind == KindAllergen {
		entry, exact = terms.Find("drug", c)
	}
	coded := slices.ContainsFunc(c.Codings, func(k record.Coding) bool { return k.Code != "" })
	if entry != nil {
		id := b.entry(entry)
		if exact {
			return Link{Node: id, Entry: entry, Exact: true, Coded: coded, Disputed: coded && disputed(table, c, entry)}
		}
		// A finer code than the table has: a node of its own beneath the category.
		finer := b.coded(kind, c, record.SystemICD10CM, record.SystemICD10)
		b.link(finer, Broader, id, tableSays)
		return Link{Node: finer, Entry: entry, Coded: true}
	}
	if id := b.coded(kind, c); id != "" {
		return Link{Node: id, Exact: true, Coded: true}
	}
	words := strings.ToLower(strings.Join(strings.Fields(c.Label()), " "))
	return Link{Node: b.node(Node{ID: "unlinked/" + string(kind) + "/" + p.of("words", string(kind), words), Kind: kind})}
}

// disputed says whether the words filed with a code name another entry.
func disputed(table string, c record.Concept, coded *terms.Entry) bool {
	words := record.Concept{Text: c.Text}
	for _, k := range c.Codings {
		words.Codings = append(words.Codings, record.Coding{Display: k.Display})
	}
	other, _ := terms.Find(table, words)
	return other != nil && other != coded
}

// tableSays is where statements about concepts come from.
var tableSays = Provenance{Method: MethodTable, By: "terms", Confidence: 1}

// coded adds a node for a code that the table does not have; wanted, where given, are the systems to look in.
func (b *builder) coded(kind Kind, c record.Concept, wanted ...string) string {
	for _, s := range systems {
		if len(wanted) > 0 && !slices.Contains(wanted, s.uri) {
			continue
		}
		if code := c.Code(s.uri); s.form.MatchString(code) {
			return b.node(Node{ID: s.name + "/" + code, Kind: kind, System: s.uri, Code: code})
		}
	}
	return ""
}

// entry adds the node of an entry of the table of terms.
func (b *builder) entry(e *terms.Entry) string {
	n := EntryNode(e)
	if _, have := b.nodes[n.ID]; have {
		return n.ID
	}
	b.node(n)
	if n.Kind == KindDrug {
		for _, class := range classesOf(e) {
			b.link(n.ID, InClass, b.entry(class), tableSays)
		}
	}
	return n.ID
}

// EntryNode is the node of an entry of the table of terms. What a drug and an allergen are made of is one
// substance: an allergen with a drug's code is that drug's node.
func EntryNode(e *terms.Entry) Node {
	if e.Kind == string(KindAllergen) {
		for _, c := range e.Codes {
			if drug := terms.ByCode("drug", c); drug != nil {
				return EntryNode(drug)
			}
		}
	}
	n := Node{Kind: entryKind(e.Kind), Names: map[terms.Lang]string{}}
	for _, lang := range []terms.Lang{terms.English, terms.Chinese} {
		n.Names[lang] = e.Name(lang)
		n.Aliases = append(n.Aliases, e.Names[lang][1:]...)
	}
	for _, s := range systems {
		if s.letter == 0 {
			continue
		}
		codes := e.Codes
		if s.letter == 'A' {
			codes = prefixed(e.ATC)
		}
		i := slices.IndexFunc(codes, func(c string) bool { return c[0] == s.letter })
		if i >= 0 && (s.letter != 'A' || len(codes) == 1) {
			n.ID, n.System, n.Code = s.name+"/"+codes[i][1:], s.uri, codes[i][1:]
			return n
		}
	}
	n.ID = "term/" + slug(e.Kind) + "/" + slug(e.Name(terms.English))
	return n
}

func prefixed(codes []string) []string {
	out := make([]string, len(codes))
	for i, c := range codes {
		out[i] = "A" + c
	}
	return out
}

func classesOf(drug *terms.Entry) []*terms.Entry {
	var out []*terms.Entry
	for _, e := range terms.Entries() {
		if e.Kind == string(KindDrugClass) && drug.InClass(e) {
			out = append(out, e)
		}
	}
	return out
}

func tableKind(k Kind) string {
	if k == KindDeviceType {
		return "device"
	}
	return string(k)
}

func entryKind(table string) Kind {
	switch table {
	case "device":
		return KindDeviceType
	case "vaccine":
		return KindDrug
	}
	return Kind(table)
}
