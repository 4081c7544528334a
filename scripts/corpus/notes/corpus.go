package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"

	"github.com/bedside-lm/bedside/clinical/terms"
)

// example is a line of a corpus.
type example struct {
	ID       string     `json:"id"`
	Patient  string     `json:"patient"`
	Disease  string     `json:"disease"`
	Hours    int        `json:"hours"`
	Tests    string     `json:"tests"`
	Draw     int        `json:"draw"`
	Language terms.Lang `json:"language"`
	Task     string     `json:"task"`
	Prompt   string     `json:"prompt"`
	Answer   string     `json:"answer"`
}

// link is a note's names, and the nodes of the graph that they are of; "" for one that the table does not have.
type link struct {
	ID    string            `json:"id"`
	Links map[string]string `json:"links"`
}

// person is what a corpus tells of a patient.
type person struct {
	id, disease string
	age         string
	female      bool
	drugs       []*terms.Entry
	values      map[*terms.Entry]string // measures with a number, in the measure's unit
}

const longestLine = 1 << 20

// readPart reads a set's patients in their order. Each summary goes to also, as the line that it is.
func readPart(corpus, part string, also func(line []byte) error) ([]*person, error) {
	f, err := os.Open(filepath.Join(corpus, part+".jsonl"))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var out []*person
	byID := map[string]*person{}
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, longestLine)
	for lines.Scan() {
		var e example
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return nil, fmt.Errorf("%s.jsonl: %w", part, err)
		}
		p := byID[e.Patient]
		if p == nil {
			p = &person{id: e.Patient, disease: e.Disease, values: map[*terms.Entry]string{}}
			byID[e.Patient], out = p, append(out, p)
		}
		if e.Task == "summary" {
			if err := also(lines.Bytes()); err != nil {
				return nil, err
			}
		}
		if e.Language == terms.English && e.Hours == 24 {
			p.learn(&e)
		}
	}
	return out, lines.Err()
}

// learn takes what an example tells of the patient.
func (p *person) learn(e *example) {
	switch e.Task {
	case "treatment":
		for name := range strings.SplitSeq(e.Answer, ", ") {
			if drug := terms.ByName("drug", name); drug != nil {
				p.drugs = append(p.drugs, drug)
			}
		}
	case "triples":
		for line := range strings.SplitSeq(e.Answer, "\n") {
			f := strings.Split(line, "|")
			switch {
			case len(f) != 3:
			case f[1] == "sex":
				p.female = f[2] == "female"
			case f[1] == "age":
				p.age = f[2]
			case f[1] == "value":
				if m := terms.ByName("measure", f[0]); m != nil {
					p.values[m], _, _ = strings.Cut(f[2], " ")
				}
			}
		}
	}
}

// writePart writes one set.
func writePart(set settings, part string) (err error) {
	var written []*output
	for _, name := range []string{"notes-" + part, part, "links-" + part} {
		o, err := create(filepath.Join(set.out, name+".jsonl"))
		if err != nil {
			return err
		}
		written = append(written, o)
	}
	people, err := readPart(set.corpus, part, written[1].raw)
	if err != nil {
		return err
	}
	each := 1
	if part == "train" {
		each = set.train
	}
	for i, p := range people {
		for l, lang := range languages {
			for draw := range each {
				w := &writer{
					part: part, lang: lang, person: p,
					rng: rand.New(rand.NewPCG(set.seed, uint64(i)<<16|uint64(l)<<8|uint64(draw)|uint64(len(part))<<40)), //nolint:gosec // no secret
				}
				e := w.example(draw)
				for k, line := range []any{e, e, link{e.ID, w.links()}} {
					if err := written[k].encode(line); err != nil {
						return err
					}
				}
			}
		}
	}
	for _, o := range written {
		if err := o.close(); err != nil {
			return err
		}
	}
	return nil
}

// output is a file of lines.
type output struct {
	file *os.File
	buf  *bufio.Writer
}

func create(path string) (*output, error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	return &output{f, bufio.NewWriterSize(f, 1<<16)}, nil
}

func (o *output) raw(line []byte) error {
	_, err := o.buf.Write(append(line, '\n'))
	return err
}

func (o *output) encode(e any) error {
	enc := json.NewEncoder(o.buf)
	enc.SetEscapeHTML(false)
	return enc.Encode(e)
}

func (o *output) close() error {
	if err := o.buf.Flush(); err != nil {
		return err
	}
	return o.file.Close()
}

func copyFile(from, to, name string) error {
	in, err := os.Open(filepath.Join(from, name))
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(filepath.Join(to, name))
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		return err
	}
	return out.Close()
}
