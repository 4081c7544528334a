package constrain_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/runtime/constrain"
	"github.com/bedside-lm/bedside/runtime/repository"
	"github.com/bedside-lm/bedside/runtime/tokenizer"
)

// smolVocabulary is SmolLM2's, of 49,152 tokens ("make setup" fetches it).
func smolVocabulary(b *testing.B) (*tokenizer.Tokenizer, func() *constrain.Vocabulary) {
	b.Helper()
	root, err := repository.ModelsDir()
	require.NoError(b, err)
	tok, err := tokenizer.Load(filepath.Join(root, "smollm2-135m-instruct"))
	require.NoError(b, err, "run 'make setup'")
	return tok, func() *constrain.Vocabulary { return constrain.NewVocabulary(tok, tok.VocabSize(), []int32{2}) }
}

const benchSchema = `{"type": "object", "additionalProperties": false, "required": ["name", "value", "triples"], "properties": {
	"name": {"type": "string", "maxLength": 200}, "value": {"type": "number", "minimum": 0, "maximum": 300}, "unit": {"enum": ["/min", "mmHg", "%"]},
	"triples": {"type": "array", "maxItems": 50, "items": {"type": "array", "minItems": 3, "maxItems": 3, "items": {"type": "string", "maxLength": 80}}}}}`

// benchForms are forms, each with the text before the place whose mask is asked for.
var benchForms = []benchForm{
	{"string", `{"name": "heart`, benchSchema, ""},
	{"number", `{"name": "heart rate", "value": `, benchSchema, ""},
	{"key", `{"name": "heart rate", "value": 3, "`, benchSchema, ""},
	{"nested string", `{"name": "heart rate", "value": 3, "triples": [["heart rate", "is`, benchSchema, ""},
	{"any text", "心率", "", `(?s).*`},
	{"letters", "ab", "", `[\p{L} ]{1,400}`},
	{"date", "2026-", "", `\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])`},
}

func (f benchForm) automaton(b *testing.B, v *constrain.Vocabulary) *constrain.Automaton {
	b.Helper()
	g, err := constrain.Form{JSONSchema: f.schema, Regex: f.regex}.Compile()
	require.NoError(b, err)
	a, err := v.Compile(g)
	require.NoError(b, err)
	return a
}

type benchForm struct{ name, text, schema, regex string }

// BenchmarkMask: the first mask of an automaton at a place, and one that is known.
func BenchmarkMask(b *testing.B) {
	tok, vocabulary := smolVocabulary(b)
	v := vocabulary()
	at := func(b *testing.B, a *constrain.Automaton, text string) *constrain.Matcher {
		m := a.Start()
		for _, id := range tok.Encode(text) {
			require.NoError(b, m.Accept(id))
		}
		return m
	}
	for _, f := range benchForms {
		b.Run("first/"+f.name, func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				m := at(b, f.automaton(b, v), f.text)
				b.StartTimer()
				if _, err := m.Mask(); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("known/"+f.name, func(b *testing.B) {
			m := at(b, f.automaton(b, v), f.text)
			for b.Loop() {
				if _, err := m.Mask(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkCompile: a form for a model, and a model's vocabulary, once each.
func BenchmarkCompile(b *testing.B) {
	_, vocabulary := smolVocabulary(b)
	v := vocabulary()
	for _, f := range benchForms {
		b.Run(f.name, func(b *testing.B) {
			for b.Loop() {
				f.automaton(b, v)
			}
		})
	}
	b.Run("vocabulary", func(b *testing.B) {
		for b.Loop() {
			vocabulary()
		}
	})
}

// BenchmarkText: what a whole text costs beside the model: masks, tokens, what is forced. The tokens are those of a text in
// its own cut; new of them are of an automaton that has met nothing yet.
func BenchmarkText(b *testing.B) {
	tok, vocabulary := smolVocabulary(b)
	v := vocabulary()
	text := `{"name": "heart rate", "value": 131.5, "unit": "/min", "triples": [["heart rate", "is above", "the limit of 120"], ["patient", "has", "sinus tachycardia"], ["lactate", "rose to", "4.2 mmol/L"]]}`
	form := benchForms[0]
	write := func(b *testing.B, a *constrain.Automaton) {
		m := a.Start()
		for _, id := range tok.Encode(text) {
			if _, err := m.Mask(); err != nil {
				b.Fatal(err)
			}
			if err := m.Accept(id); err != nil {
				b.Fatal(err)
			}
			m.ForcedTokens(func(s string) []int32 { return tok.Encode(s) })
		}
	}
	tokens := float64(len(tok.Encode(text)))
	b.Run("new", func(b *testing.B) {
		for b.Loop() {
			write(b, form.automaton(b, v))
		}
		b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/tokens, "µs/token")
	})
	b.Run("known", func(b *testing.B) {
		a := form.automaton(b, v)
		for b.Loop() {
			write(b, a)
		}
		b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/tokens, "µs/token")
	})
}
