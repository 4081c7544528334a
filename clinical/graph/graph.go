// Package graph makes a knowledge graph of patients' records: statements of subject, predicate and
// object, each with where it comes from and how sure that is.
//
// A graph holds no direct identifier. Patients are nodes under a pseudonym, everything filed about them
// under keyed digests (Pseudonyms), and words come from the table of terms alone: what a record says in
// words of its own, which may hold a name, becomes a digest without words.
package graph

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/bedside-lm/bedside/clinical/terms"
)

// Kind says what a node stands for.
type Kind string

// The kinds of nodes: of one patient, and shared by all.
const (
	KindPatient    Kind = "patient"
	KindEncounter  Kind = "encounter"
	KindReading    Kind = "reading"
	KindCondition  Kind = "condition"
	KindMedication Kind = "medication"
	KindDevice     Kind = "device"
	KindAllergy    Kind = "allergy"

	KindMeasure    Kind = "measure"
	KindDiagnosis  Kind = "diagnosis"
	KindDrug       Kind = "drug"
	KindDrugClass  Kind = "drug-class"
	KindAllergen   Kind = "allergen"
	KindDeviceType Kind = "device-type"
	KindProcedure  Kind = "procedure"
	KindFinding    Kind = "finding" // a measure beyond its reference range
	KindRoute      Kind = "route"
	KindExternal   Kind = "external" // named by an imported statement, and by nothing else
)

// Kinds are all kinds of nodes.
func Kinds() []Kind {
	return []Kind{
		KindPatient, KindEncounter, KindReading, KindCondition, KindMedication, KindDevice, KindAllergy, KindMeasure, KindDiagnosis,
		KindDrug, KindDrugClass, KindAllergen, KindDeviceType, KindProcedure, KindFinding, KindRoute, KindExternal,
	}
}

// Personal says whether nodes of a kind are of one patient.
func (k Kind) Personal() bool { return slices.Contains(Kinds()[:7], k) }

// Node is a thing that statements are about.
type Node struct {
	ID   string // such as "loinc/8867-4" or "patient/0f3c…"; never an identifier of the source
	Kind Kind
	// System and Code link the node to a terminology (record.SystemLOINC, ...). A concept
	// without them is not linked.
	System, Code string
	Names        map[terms.Lang]string
	// Aliases are further names to be found by.
	Aliases []string
}

// Linked says whether the node stands for a code of a terminology.
func (n *Node) Linked() bool { return n.Code != "" }

// Name is the node's name in a language, else in English, else its code, else its id.
func (n *Node) Name(lang terms.Lang) string {
	return cmp.Or(n.Names[lang], n.Names[terms.English], n.Code, n.ID)
}

// ValueType is the type of a value.
type ValueType string

// The types of values.
const (
	TypeText     ValueType = "text" // a word of a fixed vocabulary, such as "active"
	TypeNumber   ValueType = "number"
	TypeQuantity ValueType = "quantity" // a number with a UCUM unit: "64.3 mg/L"
	TypeTime     ValueType = "time"     // a FHIR dateTime
	TypeBool     ValueType = "bool"
)

// Value is an object that is no node. Text is its only form, so that equal values are equal.
type Value struct {
	Type ValueType
	Text string
}

// Quantity makes a value of a number as it was filed and a UCUM unit.
func Quantity(number, unit string) Value {
	if unit == "" || unit == "1" {
		return Value{TypeNumber, number}
	}
	return Value{TypeQuantity, number + " " + unit}
}

// Triple is a statement. Its object is a node, or a value where Object is empty.
type Triple struct {
	Subject    string
	Predicate  Predicate
	Object     string
	Value      Value
	Provenance []Provenance // at least one
}

// Confidence is that of the surest provenance.
func (t *Triple) Confidence() float64 {
	best := 0.0
	for i := range t.Provenance {
		best = max(best, t.Provenance[i].Confidence)
	}
	return best
}

// Method says how a statement came about.
type Method string

// The methods.
const (
	MethodStructured Method = "structured" // a field of the record
	MethodDictionary Method = "dictionary" // a name of the table of terms in a text
	MethodModel      Method = "model"      // a model's statement whose entities stand in the text
	MethodTable      Method = "table"      // the table of terms itself
	MethodImport     Method = "import"     // a statement from outside
)

// Methods are all methods.
func Methods() []Method {
	return []Method{MethodStructured, MethodDictionary, MethodModel, MethodTable, MethodImport}
}

// Provenance says where a statement comes from.
type Provenance struct {
	Record string // the record's id; "" for the table of terms
	Source string // node or digest of what in the record says so, such as "reading/1b…"; "" for the record as a whole
	Method Method
	By     string // the rule or model: "record", "terms", "device-lm 1 sha256:…"
	At     string // when what it says was so, a FHIR dateTime, or ""
	// Confidence, from 0 to 1, says how the statement was reached (docs/graph.md has the
	// table). It is no probability that the statement is true.
	Confidence float64
}

// Graph is what was made of one record or file.
type Graph struct {
	Patient string // the patient's node, or ""
	Nodes   []Node // each id once
	Triples []Triple
	// References tells the caller, who has the record, which node stands for what was filed:
	// "Observation/hr-0800" to "reading/1b…". It is not stored.
	References map[string]string
	// Dropped counts statements of a model or a file that were not taken, by reason.
	Dropped map[string]int
}

// tripleKey is what makes two statements the same.
type tripleKey struct {
	subject string
	pred    Predicate
	object  string
	value   Value
}

// builder gathers nodes and statements, each once.
type builder struct {
	graph   *Graph
	nodes   map[string]int
	triples map[tripleKey]int
	limit   int
}

func newBuilder(limit int) *builder {
	return &builder{
		graph: &Graph{References: map[string]string{}, Dropped: map[string]int{}},
		nodes: map[string]int{}, triples: map[tripleKey]int{}, limit: limit,
	}
}

// node adds a node, and gives its id. The first one of an id stays.
func (b *builder) node(n Node) string {
	if _, have := b.nodes[n.ID]; !have && n.ID != "" {
		b.nodes[n.ID] = len(b.graph.Nodes)
		b.graph.Nodes = append(b.graph.Nodes, n)
	}
	return n.ID
}

// link states that two nodes are related; without one of them it states nothing.
func (b *builder) link(subject string, p Predicate, object string, from Provenance) {
	if object != "" {
		b.add(tripleKey{subject: subject, pred: p, object: object}, from)
	}
}

// say states a value; without one it states nothing.
func (b *builder) say(subject string, p Predicate, v Value, from Provenance) {
	if v.Text != "" {
		b.add(tripleKey{subject: subject, pred: p, value: v}, from)
	}
}

func (b *builder) add(k tripleKey, from Provenance) {
	if k.subject == "" {
		return
	}
	i, have := b.triples[k]
	if !have {
		i = len(b.graph.Triples)
		b.triples[k] = i
		b.graph.Triples = append(b.graph.Triples, Triple{Subject: k.subject, Predicate: k.pred, Object: k.object, Value: k.value})
	}
	t := &b.graph.Triples[i]
	if !slices.Contains(t.Provenance, from) && len(t.Provenance) < maxProvenance {
		t.Provenance = append(t.Provenance, from)
	}
}

// maxProvenance is how many sources one record may give for one statement: more say nothing more.
const maxProvenance = 32

func (b *builder) full() bool { return len(b.graph.Triples) > b.limit }

// slug makes part of an id of English words.
func slug(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '.':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return '-'
	}, s)
}

func integer(n int) Value { return Value{TypeNumber, strconv.Itoa(n)} }
