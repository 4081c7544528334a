// Command notes writes short clinical notes in English and Chinese, with the statements that they make, for device
// language models to learn and be judged on.
//
//	notes -corpus DIR -out DIR [-train N] [-seed N]
//
// DIR is a language models' corpus (scripts/corpus): its patients, its sets, its tokenizer. A note tells of what such a
// patient has, and of names drawn from the table of terms, so that a model has to read. Sentences are templates in
// data/; those of the validation and the test set stand in no training note, nor do some names of things.
//
// It writes notes-PART.jsonl, an example a line in the corpus' own form; links-PART.jsonl, what the names of each note
// were drawn as; and PART.jsonl: the notes with the summaries of the corpus, so that the folder is a corpus that
// scripts/train takes. What is written depends on the corpus and the seed alone.
package main

import (
	"flag"
	"fmt"
	"os"
)

// parts are the sets, and the notes of each patient and language in them.
var parts = []string{"train", "validation", "test"}

type settings struct {
	corpus, out string
	train       int // notes of each training patient in each language
	seed        uint64
}

func main() {
	var set settings
	flag.StringVar(&set.corpus, "corpus", "", "folder of the language models' corpus")
	flag.StringVar(&set.out, "out", "", "folder that is written")
	flag.IntVar(&set.train, "train", 4, "notes of each training patient in each language; others have one")
	flag.Uint64Var(&set.seed, "seed", 1, "of all draws")
	flag.Parse()
	if err := run(set); err != nil {
		fmt.Fprintln(os.Stderr, "notes:", err)
		os.Exit(1)
	}
}

func run(set settings) error {
	if err := os.MkdirAll(set.out, 0o750); err != nil {
		return err
	}
	if err := loadAll(); err != nil {
		return err
	}
	for _, part := range parts {
		if err := writePart(set, part); err != nil {
			return err
		}
	}
	for _, name := range []string{"tokenizer.json", "tokenizer_config.json"} {
		if err := copyFile(set.corpus, set.out, name); err != nil {
			return err
		}
	}
	return nil
}

// loadAll reads the files in data/, so that a fault in them is told before anything is written.
func loadAll() error {
	for _, lang := range languages {
		if _, err := sentences(lang); err != nil {
			return err
		}
	}
	if _, err := unlisted(); err != nil {
		return err
	}
	_, err := gauges()
	return err
}
