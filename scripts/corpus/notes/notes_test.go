package main

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/clinical/note"
	"github.com/bedside-lm/bedside/clinical/terms"
)

// tinyCorpus is a corpus of some patients of our own making.
func tinyCorpus(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, part := range parts {
		var b strings.Builder
		for _, id := range []string{"a", "b", "c", "d", "e", "f", "g", "h"} {
			for _, e := range []example{
				{Task: "treatment", Answer: "vancomycin, normal saline"}, {Task: "summary", Answer: "x"},
				{Task: "triples", Answer: "patient|sex|female\npatient|age|90\nC-reactive protein|value|64.3 mg/L\nx"},
			} {
				e.Patient, e.Disease, e.Hours, e.Language = "pt-"+part+id, "A41.9", 24, terms.English
				line, err := json.Marshal(e)
				require.NoError(t, err)
				b.Write(append(line, '\n'))
			}
		}
		require.NoError(t, os.WriteFile(filepath.Join(dir, part+".jsonl"), []byte(b.String()), 0o600))
	}
	for _, name := range []string{"tokenizer.json", "tokenizer_config.json"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte("{}"), 0o600))
	}
	return dir
}

func lines(t *testing.T, path string) []example {
	t.Helper()
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	var out []example
	for line := range strings.Lines(string(raw)) {
		var e example
		require.NoError(t, json.Unmarshal([]byte(line), &e))
		out = append(out, e)
	}
	return out
}

func TestNotes(t *testing.T) {
	corpus, out, again := tinyCorpus(t), t.TempDir(), t.TempDir()
	for _, dir := range []string{out, again} {
		require.NoError(t, run(settings{corpus: corpus, out: dir, train: 3, seed: 1}))
	}
	for part, want := range map[string]int{"train": 48, "validation": 16, "test": 16} {
		notes := lines(t, filepath.Join(out, "notes-"+part+".jsonl"))
		require.Len(t, notes, want)
		require.Len(t, lines(t, filepath.Join(out, part+".jsonl")), want+8, "with the summaries")
		require.Equal(t, notes, lines(t, filepath.Join(again, "notes-"+part+".jsonl")), "the same seed, the same notes")
		for _, e := range notes {
			pieces := note.Pieces(e.Prompt)
			if e.Answer == "" {
				continue
			}
			require.NotEmpty(t, pieces)
			answer := strings.Split(e.Answer, "\n")
			names := 0
			for _, p := range pieces {
				names += len(p.Found)
			}
			require.LessOrEqual(t, names, len(answer), "every name of the table has its line: %s", e.Prompt)
			for _, line := range answer {
				require.Len(t, strings.Split(line, "|"), 3)
				require.Contains(t, e.Prompt, strings.Split(line, "|")[0])
			}
		}
	}
}

// No sentence of the validation or the test set can come up in training, nor a name that is kept for them.
func TestWhatIsHeldOut(t *testing.T) {
	require.NoError(t, loadAll())
	for _, lang := range languages {
		w := &writer{part: "test", lang: lang, person: &person{}}
		for seed := range uint64(60) {
			w.part, w.rng = parts[1+seed%2], rand.New(rand.NewPCG(1, seed))
			w.draft = draft{}
			w.compose()
			for _, s := range w.written {
				require.False(t, learnt[lang]()[skeleton(s)], s)
			}
		}
		for kind := range map[string]bool{"s": true, "d": true, "g": true, "p": true, "a": true} {
			key := groupKey{lang, kind}
			others, err := unlisted()
			require.NoError(t, err)
			for _, part := range parts {
				require.NotEmpty(t, others[key][part], "%v %s", key, part)
			}
			seen := map[string]string{}
			for part, of := range others[key] {
				for _, thing := range of {
					require.Empty(t, seen[thing.name], thing.name)
					seen[thing.name] = part
				}
			}
		}
	}
}
