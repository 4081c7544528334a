package main

import (
	"embed"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"unicode"

	"github.com/bedside-lm/bedside/clinical/terms"
)

//go:embed data
var data embed.FS

var languages = []terms.Lang{terms.English, terms.Chinese}

var files = map[terms.Lang]string{terms.English: "english", terms.Chinese: "chinese"}

// template is a sentence with choices in square brackets and slots in braces.
type template string

var loaded = map[terms.Lang]func() (map[string][]template, error){
	terms.English: sync.OnceValues(func() (map[string][]template, error) { return load(terms.English) }),
	terms.Chinese: sync.OnceValues(func() (map[string][]template, error) { return load(terms.Chinese) }),
}

// sentences are the templates of a language, by the set that they are for.
func sentences(lang terms.Lang) (map[string][]template, error) { return loaded[lang]() }

func load(lang terms.Lang) (map[string][]template, error) {
	raw, err := data.ReadFile("data/" + files[lang] + ".txt")
	if err != nil {
		return nil, err
	}
	out, part := map[string][]template{}, ""
	for line := range strings.Lines(string(raw)) {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || line[0] == '#':
		case line[0] == '=':
			part = strings.TrimSpace(line[1:])
		case strings.Count(line, "[") != strings.Count(line, "]") || strings.Count(line, "{") != strings.Count(line, "}"):
			return nil, fmt.Errorf("data/%s.txt: brackets of %q", files[lang], line)
		default:
			out[part] = append(out[part], template(line))
		}
	}
	return out, nil
}

var choice = regexp.MustCompile(`\[([^\[\]]*)\]`)

// chosen is the template with its choices made by pick, which says one of n.
func (t template) chosen(pick func(n int) int) string {
	s := string(t)
	for {
		at := choice.FindStringSubmatchIndex(s)
		if at == nil {
			return s
		}
		options := strings.Split(s[at[2]:at[3]], "|")
		s = s[:at[0]] + options[pick(len(options))] + s[at[1]:]
	}
}

// skeletons are all that a template may come to, as skeleton gives them.
func (t template) skeletons() []string {
	at := choice.FindStringSubmatchIndex(string(t))
	if at == nil {
		return []string{skeleton(string(t))}
	}
	var out []string
	for option := range strings.SplitSeq(string(t[at[2]:at[3]]), "|") {
		out = append(out, (t[:at[0]] + template(option) + t[at[1]:]).skeletons()...)
	}
	return out
}

// skeleton is a sentence without what tells little: its marks, its capitals, whether a slot takes one name or more.
func skeleton(s string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("*.,:;，。：；、 ", r) {
			return -1
		}
		return unicode.ToLower(r)
	}, s)
}

// learnt are the skeletons of the sentences that training notes are made of.
var learnt = map[terms.Lang]func() map[string]bool{
	terms.English: sync.OnceValue(func() map[string]bool { return trained(terms.English) }),
	terms.Chinese: sync.OnceValue(func() map[string]bool { return trained(terms.Chinese) }),
}

func trained(lang terms.Lang) map[string]bool {
	templates, _ := sentences(lang) // run has loaded them
	out := map[string]bool{}
	for _, t := range templates["train"] {
		for _, s := range t.skeletons() {
			out[s] = true
		}
	}
	return out
}
