package deid

import (
	"strconv"
	"strings"
	"time"

	"github.com/bedside-lm/bedside/clinical/record"
)

// FHIR takes the identifiers out of a FHIR R4 resource in JSON, such as a Bundle. All else stays byte for byte. Errors are those of
// Text; offsets and paths are those of the document.
func FHIR(doc string, opt Options) (*Result, error) {
	return fhirDocs(doc, [][2]int{{0, len(doc)}}, opt)
}

// NDJSON is FHIR for a file of one resource a line. It is read as one document: what one line says of a person is searched for
// in all.
func NDJSON(doc string, opt Options) (*Result, error) {
	var lines [][2]int
	at := 0
	for line := range strings.Lines(doc) {
		if strings.TrimSpace(line) != "" {
			lines = append(lines, [2]int{at, at + len(line)})
		}
		at += len(line)
	}
	return fhirDocs(doc, lines, opt)
}

func fhirDocs(doc string, pieces [][2]int, opt Options) (*Result, error) {
	lim := opt.Limits.withDefaults()
	if err := readable(doc, "document", min(lim.Bytes, 1<<31-1)); err != nil {
		return nil, err
	}
	j, err := newJob(opt)
	if err != nil {
		return nil, err
	}
	r := &fhirReader{job: j}
	trees := make([]*tree, len(pieces))
	for i, p := range pieces {
		if trees[i], err = parseJSON(doc, p[0], p[1], lim); err != nil {
			return nil, atLine(err, i, len(pieces))
		}
		if lim.Values -= len(trees[i].nodes); lim.Values <= 0 {
			return nil, &record.LimitError{Path: "document", What: "values", Limit: int64(opt.Limits.withDefaults().Values)}
		}
		r.tree = trees[i]
		r.collect(0, "")
	}
	for i, t := range trees {
		r.tree, r.line = t, ""
		if len(trees) > 1 {
			r.line = "line " + strconv.Itoa(i+1) + ": "
		}
		if r.err == nil {
			r.value(0, place{})
		}
	}
	if r.err != nil {
		return nil, r.err
	}
	return j.done(doc, opt.Seal)
}

// atLine says in which line something is wrong.
func atLine(err error, i, of int) error {
	bad, ok := err.(*record.InvalidError) //nolint:errorlint // parseJSON wraps none
	if of < 2 || !ok {
		return err
	}
	return invalid("line "+strconv.Itoa(i+1), bad.Violations[0].Message)
}

// fhirReader goes through resources.
type fhirReader struct {
	*job
	*tree
	line   string
	root   string    // type of the whole document
	latest time.Time // date of the documents, by which ages are told
	stack  []step
	err    error
}

// step is one level of the way to a value.
type step struct {
	key   string
	index int // in an array; -1
}

// place is what is known of where a value stands.
type place struct {
	resource string // type of the resource
	key      string // name of the member that it is, or that its array is
	parent   int32  // object that it stands in
	above    string // name of the member that the parent is
	url      string // of the extension that it is the value of
}

// path writes the way to the current value.
func (r *fhirReader) path() string {
	var b strings.Builder
	b.WriteString(r.line)
	for i, s := range r.stack {
		if i == 0 && s.key == "" {
			b.WriteString(r.root)
		}
		switch {
		case s.index >= 0:
			b.WriteString("[" + strconv.Itoa(s.index) + "]")
		case s.key != "":
			b.WriteString("." + s.key)
		}
	}
	if b.Len() == 0 {
		return r.root
	}
	return b.String()
}

// value goes through one value and what is in it.
func (r *fhirReader) value(n int32, at place) {
	if r.err != nil {
		return
	}
	switch r.nodes[n].kind {
	case object:
		r.object(n, at)
	case array:
		i := 0
		r.each(n, func(c int32) {
			r.stack = append(r.stack, step{index: i})
			r.value(c, at)
			r.stack = r.stack[:len(r.stack)-1]
			i++
		})
	case text:
		r.string(n, at)
	case scalar:
		r.number(n, at)
	}
}

func (r *fhirReader) object(n int32, at place) {
	inner := place{resource: at.resource, parent: n, above: at.key, url: at.url}
	if typ := r.str(r.get(n, "resourceType")); typ != "" {
		inner.resource, inner.url = typ, ""
		if len(r.stack) == 0 {
			r.root = typ
			r.stack = append(r.stack, step{index: -1, key: ""})
			defer func() { r.stack = r.stack[:0] }()
		}
		outer := r.patient
		r.patient = r.subject(n, typ)
		defer func() { r.patient = outer }()
	}
	if at.key == "extension" || at.key == "modifierExtension" {
		inner.url = r.str(r.get(n, "url"))
	}
	r.each(n, func(c int32) {
		inner.key = r.key(c)
		r.stack = append(r.stack, step{key: safeKey(inner.key), index: -1})
		r.value(c, inner)
		r.stack = r.stack[:len(r.stack)-1]
	})
}

// safeKey keeps what is no element's name out of paths, since anything may stand there.
func safeKey(key string) string {
	if len(key) > 64 {
		return "?"
	}
	for i := range len(key) {
		if c := key[i] | 0x20; (c < 'a' || c > 'z') && key[i] != '_' && (i == 0 || key[i] < '0' || key[i] > '9') {
			return "?"
		}
	}
	return key
}

// subject is the patient that a resource is about.
func (r *fhirReader) subject(n int32, typ string) string {
	if typ == "Patient" {
		return r.str(r.get(n, "id"))
	}
	for _, key := range []string{"subject", "patient", "beneficiary", "individual"} {
		if ref := r.str(r.get(r.get(n, key), "reference")); ref != "" {
			return lastSegment(ref)
		}
	}
	return r.patient
}

func lastSegment(ref string) string {
	ref, _, _ = strings.Cut(ref, "/_history/")
	return ref[strings.LastIndexAny(ref, "/:")+1:]
}

// put replaces a whole string.
func (r *fhirReader) put(n int32, t Type, instead string, action Action) {
	if action == Keep {
		return
	}
	r.edits = append(r.edits, edit{t, action, int(r.nodes[n].start) + 1, int(r.nodes[n].end) - 1, quoted(instead), r.path()})
}

// whole takes a whole string as an identifier of a type.
func (r *fhirReader) whole(n int32, t Type) {
	value := r.str(n)
	if strings.TrimSpace(value) == "" || tag.FindString(value) == value {
		return
	}
	instead, action := r.replaced(t, value)
	r.put(n, t, instead, action)
}

// free looks for identifiers in a string.
func (r *fhirReader) free(n int32, markup bool) {
	start, end := int(r.nodes[n].start)+1, int(r.nodes[n].end)-1
	value, where := r.src[start:end], func(at int) int { return start + at }
	if strings.IndexByte(value, '\\') >= 0 {
		s, places := unescape(value)
		value, where = s, func(at int) int { return start + int(places[at]) }
	}
	if len(value) > maxText {
		r.err = &record.LimitError{Path: r.path(), What: "bytes of text", Limit: maxText}
		return
	}
	path := r.path()
	if !markup {
		r.text(value, path, where, quoted)
		return
	}
	words, attributes := unmarked(value)
	for _, layer := range []string{words, attributes} {
		r.layer(value, layer, path, where)
	}
}

// layer is text for a text that is markup: what is found across a tag is replaced on both sides of it, and the tag stays.
func (r *fhirReader) layer(value, layer, path string, where func(int) int) {
	for _, f := range Find(layer, r.lang, r.known) {
		instead, action := r.replaced(f.Type, layer[f.Start:f.End])
		if action == Keep {
			continue
		}
		for at := f.Start; at < f.End; {
			end := at
			for end < f.End && layer[end] == value[end] {
				end++
			}
			if end > at {
				r.edits = append(r.edits, edit{f.Type, action, where(at), where(end), quoted(instead), path})
				instead = ""
			}
			for at = end; at < f.End && layer[at] != value[at]; at++ {
			}
		}
	}
}

// unmarked takes XHTML apart: its words, with blanks for tags, and the values of attributes, with blanks for all else.
func unmarked(s string) (words, attributes string) {
	w, a := []byte(s), []byte(s)
	in, quote, spare := false, byte(0), false
	for i, c := range w {
		switch {
		case !in && c == '<':
			in = true
		case in && quote == 0 && (c == '"' || c == '\''):
			quote, spare = c, strings.HasSuffix(s[:i], "xmlns=")
			w[i], a[i] = ' ', ' '
			continue
		case in && quote == c:
			quote = 0
		case in && quote == 0 && c == '>':
			in = false
			w[i], a[i] = ' ', ' '
			continue
		}
		if in {
			w[i] = ' '
		}
		if !in || quote == 0 || spare {
			a[i] = ' '
		}
	}
	return string(w), string(a)
}
