// Command examples turns generated stays into the examples that device language models are
// trained and judged on, and into the same numbers for models that read numbers.
//
//	examples -stays DIR -blocks FILE -out DIR [-draws N] [-least SHARE] [-canonical SHARE] [-seed N]
//
// Each stay is damaged as devices damage it (clinical/prepare/corrupt), cleaned (clinical/prepare),
// bereft of whatever gives the answer away, and put into words (clinical/prompt, clinical/render).
// What is written depends on the stays, the seed and the settings alone.
//
// It writes PART.jsonl, an example a line; PART-HOURSh-TESTS.npy, a row of numbers for each record
// that an example of the task "diagnosis" tells of; PART-HOURSh-TESTS.tsv, whose rows they are; and
// examples.json, which says what the columns are.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"

	"github.com/bedside-lm/bedside/clinical/prepare/features"
)

// settings are those of the command line.
type settings struct {
	stays, blocks, out string
	steps              string  // file for the steps of prompts; nothing else is written then
	draws              int     // of what neutral records lack, and of the damage, in training
	least              float64 // share of training patients that had a measure which neutral records show
	canonical          float64 // share of training prompts that are written as models are asked
	seed               uint64
}

func main() {
	var set settings
	flag.StringVar(&set.stays, "stays", "", "folder of stays, a folder a part")
	flag.StringVar(&set.blocks, "blocks", "", "file that names the files to read, one a line: PART/NAME")
	flag.StringVar(&set.out, "out", "", "folder that is written")
	flag.StringVar(&set.steps, "steps", "", "write the table of steps (clinical/prompt/data/steps.tsv) to this file, and nothing else")
	flag.IntVar(&set.draws, "draws", 12, "neutral records made of each training patient")
	flag.Float64Var(&set.least, "least", 0.1, "share of training patients that had a measure which neutral records show")
	flag.Float64Var(&set.canonical, "canonical", 0.7, "share of training prompts in the layout that models are asked in")
	flag.Uint64Var(&set.seed, "seed", 1, "of all draws")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	switch err := run(ctx, set); {
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(os.Stderr, "examples: interrupted")
		os.Exit(130)
	case err != nil:
		fmt.Fprintln(os.Stderr, "examples:", err)
		os.Exit(1)
	}
}

var parts = []string{"train", "validation", "test"}

func run(ctx context.Context, set settings) error {
	if set.draws < 1 || set.out == "" && set.steps == "" {
		return errors.New("-draws must be at least 1, and -out name a folder")
	}
	files, err := listed(set.blocks)
	if err != nil {
		return err
	}
	m := &maker{set: set}
	if err := m.gather(ctx, files["train"]); err != nil {
		return err
	}
	if set.steps != "" {
		return os.WriteFile(set.steps, []byte(m.pools[features.FirstDay].cuts()), 0o600)
	}
	for _, part := range parts {
		if err := m.part(ctx, part, files[part]); err != nil {
			return fmt.Errorf("%s: %w", part, err)
		}
	}
	return m.describe()
}

// listed reads the names of files by their part.
func listed(path string) (map[string][]string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	out := map[string][]string{}
	for line := range strings.Lines(string(data)) {
		name := strings.TrimSpace(line)
		part := filepath.Dir(name)
		out[part] = append(out[part], name)
	}
	for _, part := range parts {
		if len(out[part]) == 0 {
			return nil, fmt.Errorf("%s names no file of the part %s", path, part)
		}
	}
	return out, nil
}
