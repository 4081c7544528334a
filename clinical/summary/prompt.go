package summary

import (
	"unicode/utf8"

	"github.com/bedside-lm/bedside/clinical/render"
)

// Exchange is an example of a turn: what a user says and what the model answers.
type Exchange struct{ User, Assistant string }

// style is how closely the model is asked to keep to a fact's words.
type style int

const (
	free   style = iota // as one would say it
	strict              // word for word, as far as a sentence allows
)

// Small models follow examples better than rules, and the last one best.
var systemPrompts = map[style]string{
	free:   "You turn a fact from a patient record into one sentence. Copy every number, unit, name and time exactly.",
	strict: "You repeat a fact from a patient record word for word.",
}

// inLanguage is added for a model that writes other languages than the prompt's.
var inLanguage = map[render.Lang]string{render.Chinese: " Write in Chinese."}

// factMark stands before a fact in a prompt.
var factMark = map[render.Lang]string{render.English: "Fact: ", render.Chinese: "事实："}

// prompt asks for one fact.
func (w *writing) prompt(t *turn, s style) Prompt {
	mark := factMark[w.lang]
	p := Prompt{
		System: systemPrompts[s] + inLanguage[w.lang], User: mark + tidy(t.fact.Text),
		MaxTokens: min(w.opt.MaxTokens, answerTokens(t.fact)), Greedy: !w.opt.Sampled, Seed: w.opt.Seed, Lang: w.lang,
	}
	for _, e := range examplesFor(w.lang, t.from, t.fact) {
		if s == strict {
			e.Assistant = e.User
		}
		p.Examples = append(p.Examples, Exchange{User: mark + e.User, Assistant: e.Assistant})
	}
	return p
}

// answerTokens is room for a fact's own words and some more: a model that runs on
// is not waited for. Digits are a token each, other characters less.
func answerTokens(f render.Fact) int { return 24 + utf8.RuneCountInString(f.Text)*2/3 }
