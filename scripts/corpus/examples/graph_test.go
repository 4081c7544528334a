package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/clinical/graph"
	"github.com/bedside-lm/bedside/clinical/prepare/features"
	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/terms"
)

// references reads the triples that validation patients should give, by patient and hours.
func references(t *testing.T, corpus string) map[string]map[string]bool {
	f, err := os.Open(filepath.Join(corpus, "validation.jsonl"))
	require.NoError(t, err)
	defer f.Close()
	out := map[string]map[string]bool{}
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var e example
		require.NoError(t, json.Unmarshal(lines.Bytes(), &e))
		if e.Task != "triples" || e.Language != "en" {
			continue
		}
		set := map[string]bool{}
		for line := range strings.Lines(e.Answer) {
			set[strings.TrimSpace(line)] = true
		}
		out[e.Patient+" "+strconv.Itoa(e.Hours)] = set
	}
	require.NoError(t, lines.Err())
	return out
}

func pseudonyms(t *testing.T) *graph.Pseudonyms {
	p, err := graph.NewPseudonyms(bytes.Repeat([]byte("k"), graph.MinKey))
	require.NoError(t, err)
	return p
}

// upTo is the record as it stood so long after admission.
func upTo(rec *record.PatientRecord, hours int) *record.PatientRecord {
	admitted, ok := features.Admission(rec)
	out := *rec
	out.Observations = nil
	for _, o := range rec.Observations {
		after := o.Start.Time.Sub(admitted)
		if ok && o.Start.Precision == record.PrecisionSecond && after >= 0 && after <= time.Duration(hours)*time.Hour {
			out.Observations = append(out.Observations, o)
		}
	}
	return &out
}

// said are a graph's statements in the reference's form: of each measure its latest reading, where that is beyond its range.
func said(g *graph.Graph) map[string]bool {
	names, of, at, value, state := map[string]string{}, map[string]string{}, map[string]string{}, map[string]string{}, map[string]string{}
	for i := range g.Nodes {
		names[g.Nodes[i].ID] = g.Nodes[i].Name(terms.English)
	}
	out, latest := map[string]bool{}, map[string]string{}
	for i := range g.Triples {
		switch tr := &g.Triples[i]; tr.Predicate {
		case graph.Sex, graph.Age:
			out["patient|"+string(tr.Predicate)+"|"+tr.Value.Text] = true
		case graph.Of:
			of[tr.Subject] = tr.Object
		case graph.At:
			at[tr.Subject] = tr.Value.Text
		case graph.MeasuredAs:
			value[tr.Subject] = tr.Value.Text
		case graph.State:
			state[tr.Subject] = tr.Value.Text
		default:
		}
	}
	for _, n := range g.Nodes {
		if n.Kind == graph.KindReading && at[n.ID] >= at[latest[of[n.ID]]] {
			latest[of[n.ID]] = n.ID
		}
	}
	for measure, reading := range latest {
		if state[reading] == "" {
			continue
		}
		e := terms.ByName("measure", names[measure])
		number, _, _ := strings.Cut(strings.TrimLeft(value[reading], "<>="), " ")
		if v, err := strconv.ParseFloat(number, 64); err == nil && e != nil {
			out[names[measure]+"|value|"+quantity(e, v, terms.English)] = true
			out[names[measure]+"|state|"+state[reading]] = true
		}
	}
	return out
}

// measuresOf are the subjects of triples.
func measuresOf(set map[string]bool) map[string]bool {
	out := map[string]bool{}
	for line := range set {
		subject, _, _ := strings.Cut(line, "|")
		out[subject] = true
	}
	return out
}

// TestGraphAgainstTheReference measures what clinical/graph says of the validation patients. It needs a corpus:
//
//	BEDSIDE_CORPUS=…/language-full-… BEDSIDE_STAYS=…/stays-… go test ./scripts/corpus/examples -run Graph -v
func TestGraphAgainstTheReference(t *testing.T) {
	corpus, stays := os.Getenv("BEDSIDE_CORPUS"), os.Getenv("BEDSIDE_STAYS")
	if corpus == "" || stays == "" {
		t.Skip("set BEDSIDE_CORPUS and BEDSIDE_STAYS to folders that scripts/corpus has made")
	}
	want, names := references(t, corpus), pseudonyms(t)
	m := &maker{set: settings{seed: 1}}
	files, err := filepath.Glob(filepath.Join(stays, "validation", "*"))
	require.NoError(t, err)
	var right, wrong, missed, records, further int
	linking := &linked{names: names, known: map[string]string{}, others: map[string]int{}}
	for _, file := range files {
		block, err := readBlock(file, "validation")
		require.NoError(t, err)
		for i := range block {
			s := &block[i]
			if want[s.id+" 24"] == nil {
				continue
			}
			linking.add(t, s.rec)
			rec := m.prepared(s, 0)
			for _, hours := range []int{1, 24} {
				reference := want[s.id+" "+strconv.Itoa(hours)]
				g, err := graph.FromRecord(upTo(rec, hours), graph.Options{Pseudonyms: names})
				require.NoError(t, err)
				records++
				have, told := said(g), measuresOf(reference)
				for line := range have {
					subject, _, _ := strings.Cut(line, "|")
					switch {
					case reference[line]:
						right++
					case told[subject]:
						wrong++
					default:
						further++ // the reference tells of the eight furthest measures alone
					}
				}
				for line := range reference {
					if !have[line] {
						missed++
					}
				}
			}
		}
	}
	precision, recall := float64(right)/float64(right+wrong), float64(right)/float64(right+missed)
	t.Logf("%d records: right %d, wrong %d, missed %d, of further measures %d; precision %.4f, recall %.4f, F1 %.4f",
		records, right, wrong, missed, further, precision, recall, 2*precision*recall/(precision+recall))
	linking.report(t)
	require.Positive(t, records)
	require.Greater(t, 2*precision*recall/(precision+recall), 0.95)
}

// linked counts how concepts are linked: by their codes, and by their words alone.
type linked struct {
	names *graph.Pseudonyms
	known map[string]string // what a concept was linked to
	// others are those of which words lead elsewhere than codes.
	others map[string]int
	count  [3]struct{ all, coded, same, other, none int }
}

var linkedKinds = []string{"measure", "diagnosis", "drug"}

func (l *linked) add(t *testing.T, rec *record.PatientRecord) {
	for i := range rec.Observations {
		l.concept(t, 0, rec.Observations[i].Code)
	}
	for i := range rec.Conditions {
		l.concept(t, 1, rec.Conditions[i].Code)
	}
	for i := range rec.Medications {
		l.concept(t, 2, rec.Medications[i].Code)
	}
}

func (l *linked) concept(t *testing.T, kind int, c record.Concept) {
	words := record.Concept{Text: c.Text}
	for _, k := range c.Codings {
		words.Codings = append(words.Codings, record.Coding{Display: k.Display})
	}
	byCode, byWords := l.link(t, kind, c), l.link(t, kind, words)
	n := &l.count[kind]
	n.all++
	if strings.HasPrefix(byCode, "unlinked/") {
		return
	}
	n.coded++
	switch {
	case byWords == byCode:
		n.same++
	case strings.HasPrefix(byWords, "unlinked/"):
		n.none++
	default:
		n.other++
		l.others[linkedKinds[kind]+" "+byCode+", by words "+byWords]++
	}
}

// link is the node that a concept is linked to.
func (l *linked) link(t *testing.T, kind int, c record.Concept) string {
	key, err := json.Marshal([]any{kind, c})
	require.NoError(t, err)
	if node, have := l.known[string(key)]; have {
		return node
	}
	rec := &record.PatientRecord{Patient: record.Patient{ID: "p"}}
	switch kind {
	case 0:
		yes := true
		rec.Observations = []record.Observation{{ID: "o", Code: c, Value: record.Value{Bool: &yes}}}
	case 1:
		rec.Conditions = []record.Condition{{ID: "o", Code: c}}
	case 2:
		rec.Medications = []record.Medication{{ID: "o", Code: c}}
	}
	g, err := graph.FromRecord(rec, graph.Options{Pseudonyms: l.names})
	require.NoError(t, err)
	node := ""
	for i := range g.Triples {
		if g.Triples[i].Predicate == graph.Of {
			node = g.Triples[i].Object
			break
		}
	}
	l.known[string(key)] = node
	return node
}

func (l *linked) report(t *testing.T) {
	for i, n := range l.count {
		t.Logf("%s: %d concepts, %d linked by code; of these, by words alone: %d to the same, %d to another, %d to none",
			linkedKinds[i], n.all, n.coded, n.same, n.other, n.none)
	}
	t.Logf("to another: %v", l.others)
}
