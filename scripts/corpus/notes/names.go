package main

import (
	"hash/fnv"
	"slices"
	"strings"
	"sync"

	"github.com/bedside-lm/bedside/clinical/note"
	"github.com/bedside-lm/bedside/clinical/terms"
)

// thing is what a slot may be filled with: a name, and the entry that it is of, or nil.
type thing struct {
	name  string
	entry *terms.Entry
}

// group is the things of a kind in a language, by the set that they may stand in; common ones in each.
type group map[string][]thing

const common = ""

type groupKey struct {
	lang terms.Lang
	kind string
}

// complaints are the entries that patients complain of; the other diagnoses are diseases.
func complaint(e *terms.Entry) bool {
	code := e.Codes[0]
	return strings.HasPrefix(code, "IR") && !strings.HasPrefix(code, "IR65") && !strings.HasPrefix(code, "IR57") && !strings.HasPrefix(code, "IR73") ||
		code == "IL50.9" || code == "IT78.3"
}

func kindOf(e *terms.Entry) string {
	switch {
	case e.Kind == "diagnosis" && complaint(e):
		return "s"
	case e.Kind == "diagnosis":
		return "d"
	case e.Kind == "drug":
		return "g"
	case e.Kind == "procedure":
		return "p"
	case e.Kind == "allergen":
		return "a"
	}
	return ""
}

// odd are words of names that no clinician writes.
var odd = []string{"（", "other ", "unspecified", "of any kind", "elsewhere", "specified", "named site", "not identified", "%", "of other cause", "其他", "指明"}

// held says which set a name is kept for: of all names one in six stands in no training note.
func held(name string) string {
	h := fnv.New32a()
	h.Write([]byte(name)) // a hash takes everything
	switch n := h.Sum32() % 100; {
	case n < 5:
		return "validation"
	case n < 15:
		return "test"
	}
	return common
}

var listed = sync.OnceValue(func() map[groupKey]group {
	out := map[groupKey]group{}
	for _, e := range terms.Entries() {
		kind := kindOf(e)
		if kind == "" {
			continue
		}
		for _, lang := range languages {
			for _, name := range e.Names[lang] {
				if slices.ContainsFunc(odd, func(o string) bool { return strings.Contains(name, o) }) || !whole(name) {
					continue
				}
				key := groupKey{lang, kind}
				if out[key] == nil {
					out[key] = group{}
				}
				out[key][held(name)] = append(out[key][held(name)], thing{name, e})
			}
		}
	}
	return out
})

// whole says whether a name is found as one.
func whole(name string) bool {
	found := note.Find(name)
	return len(found) == 1 && found[0].Start == 0 && found[0].End == len(name)
}

// unlisted are the names that the table of terms does not have.
var unlisted = sync.OnceValues(func() (map[groupKey]group, error) {
	raw, err := data.ReadFile("data/unlisted.tsv")
	if err != nil {
		return nil, err
	}
	out := map[groupKey]group{}
	for line := range strings.Lines(string(raw)) {
		f := strings.Split(strings.TrimSpace(line), "\t")
		key := groupKey{terms.Lang(f[1]), f[2]}
		if out[key] == nil {
			out[key] = group{}
		}
		for name := range strings.SplitSeq(f[3], "|") {
			if len(note.Find(name)) == 0 {
				out[key][f[0]] = append(out[key][f[0]], thing{name: name})
			}
		}
	}
	return out, nil
})
