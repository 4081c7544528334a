package oip

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/runtime/constrain"
	"github.com/bedside-lm/bedside/runtime/sampling"
	"github.com/bedside-lm/bedside/server/apierror"
)

func seed(n uint64) *uint64 { return &n }

func TestSamplingParameters(t *testing.T) {
	for _, c := range []struct {
		text string
		want sampling.Params
	}{
		{`{}`, sampling.Params{TopP: 1, RepetitionPenalty: 1}},
		{
			` {"max_tokens": 7, "temperature": 0.5, "top_k": 3, "top_p": 0.9, "min_p": 0.1, "repetition_penalty": 1.2, "seed": 18446744073709551615, "stop": ["a", "血"]} `,
			sampling.Params{MaxTokens: 7, Temperature: 0.5, TopK: 3, TopP: 0.9, MinP: 0.1, RepetitionPenalty: 1.2, Seed: seed(1<<64 - 1), Stop: []string{"a", "血"}},
		},
		{`{"max_tokens": "100", "temperature": "0.1", "top_p": "0.95"}`, sampling.Params{MaxTokens: 100, Temperature: 0.1, TopP: 0.95, RepetitionPenalty: 1}},
		{`{"top_k": -1, "stop": "\n"}`, sampling.Params{TopP: 1, RepetitionPenalty: 1, Stop: []string{"\n"}}},
		{
			`{"presence_penalty": 0, "frequency_penalty": 0.0, "n": 1, "ignore_eos": false, "min_tokens": "0", "stop": null}`,
			sampling.Params{TopP: 1, RepetitionPenalty: 1},
		},
	} {
		got, err := parseSampling("inputs[2]", []byte(c.text))
		require.NoError(t, err, c.text)
		require.Equal(t, c.want, got.Params, c.text)
	}
}

func TestSamplingParametersRefused(t *testing.T) {
	for _, c := range []struct{ text, field string }{
		{``, ""}, {`null`, ""}, {`[]`, ""}, {`{`, ""}, {`{"max_tokens"`, ""}, {`{"max_tokens": }`, ""}, {`{"seed": 1} {}`, ""}, {`{"seed": 1}}`, ""},
		{`{"max_tokens": 1`, ""}, {`{"max_tokens": 1,}`, ""},
		{`{"max_tokens": 0}`, ".max_tokens"}, {`{"max_tokens": 1.5}`, ".max_tokens"}, {`{"max_tokens": true}`, ".max_tokens"},
		{`{"max_tokens": 99999999999999999999}`, ".max_tokens"}, {`{"max_tokens": null}`, ".max_tokens"},
		{`{"temperature": -1}`, ".temperature"}, {`{"temperature": "NaN"}`, ".temperature"}, {`{"temperature": "Inf"}`, ".temperature"}, {`{"temperature": 1e999}`, ".temperature"},
		{`{"top_p": 0}`, ".top_p"}, {`{"top_k": -2}`, ".top_k"}, {`{"min_p": 2}`, ".min_p"}, {`{"repetition_penalty": 0}`, ".repetition_penalty"},
		{`{"seed": -1}`, ".seed"}, {`{"stop": [1]}`, ".stop"}, {`{"stop": {}}`, ".stop"}, {`{"stop": ["a", ""]}`, ".stop[1]"},
		{`{"stop": [` + strings.Repeat(`"a",`, 16) + `"a"]}`, ".stop"},
		{`{"presence_penalty": 0.5}`, ".presence_penalty"}, {`{"frequency_penalty": 1}`, ".frequency_penalty"}, {`{"n": 2}`, ".n"}, {`{"ignore_eos": true}`, ".ignore_eos"},
		{`{"temprature": 1}`, ".temprature"}, {`{"seed": 1, "seed": 2}`, ".seed"},
		{`{"Frau Muster, 血氧": 1}`, "[...]"},
		{`{"stop": "` + strings.Repeat("a", maxParametersBytes) + `"}`, ""},
	} {
		_, err := parseSampling("inputs[2]", []byte(c.text))
		requireField(t, "inputs[2]"+c.field, err)
		require.NotContains(t, err.Error(), "Muster")
	}
}

func TestGuidedParameters(t *testing.T) {
	for _, c := range []struct {
		text string
		want constrain.Form
		at   string
	}{
		{`{}`, constrain.Form{}, ""},
		{`{"guided_choice": null, "guided_json": null}`, constrain.Form{}, ""},
		{`{"guided_choice": ["yes", "no"]}`, constrain.Form{Choices: []string{"yes", "no"}}, ".guided_choice"},
		{`{"guided_regex": "a+"}`, constrain.Form{Regex: "a+"}, ".guided_regex"},
		{`{"guided_json": {"properties": {"b": {}, "a": {}}}}`, constrain.Form{JSONSchema: `{"properties": {"b": {}, "a": {}}}`}, ".guided_json"},
		{`{"guided_json": "{\"type\": \"null\"}"}`, constrain.Form{JSONSchema: `{"type": "null"}`}, ".guided_json"},
		{`{"guided_json": true}`, constrain.Form{JSONSchema: `true`}, ".guided_json"},
		{`{"guided_decoding": {"choice": ["a"]}}`, constrain.Form{Choices: []string{"a"}}, ".guided_decoding.choice"},
		{`{"guided_decoding": "{\"regex\": \"a\"}"}`, constrain.Form{Regex: "a"}, ".guided_decoding.regex"},
		{`{"guided_decoding": {"json": {"type": "null"}}}`, constrain.Form{JSONSchema: `{"type": "null"}`}, ".guided_decoding.json"},
	} {
		got, err := parseSampling("inputs[2]", []byte(c.text))
		require.NoError(t, err, c.text)
		require.Equal(t, c.want, got.form, c.text)
		if c.at != "" {
			c.at = "inputs[2]" + c.at
		}
		require.Equal(t, c.at, got.formAt, c.text)
	}
	for _, c := range []struct{ text, field string }{
		{`{"guided_choice": []}`, ".guided_choice"}, {`{"guided_choice": "yes"}`, ".guided_choice"}, {`{"guided_choice": [1]}`, ".guided_choice"},
		{`{"guided_regex": ""}`, ".guided_regex"}, {`{"guided_regex": 3}`, ".guided_regex"}, {`{"guided_json": ""}`, ".guided_json"},
		{`{"guided_regex": "a", "guided_json": {}}`, ".guided_json"}, {`{"guided_decoding": {}}`, ".guided_decoding"},
		{`{"guided_decoding": {"grammar": "x"}}`, ".guided_decoding"}, {`{"guided_decoding": {"json": {}, "regex": "a"}}`, ".guided_decoding"},
		{`{"guided_decoding": {"choice": "a"}}`, ".guided_decoding.choice"}, {`{"guided_grammar": "x"}`, ".guided_grammar"},
	} {
		_, err := parseSampling("inputs[2]", []byte(c.text))
		requireField(t, "inputs[2]"+c.field, err)
	}
	got, err := samplingOf(request(t, `parameters { key: "guided_regex" value { string_param: "a+" } } parameters { key: "max_tokens" value { int64_param: 5 } }`).GetParameters())
	require.NoError(t, err)
	require.Equal(t, constrain.Form{Regex: "a+"}, got.form)
	require.Equal(t, "parameters.guided_regex", got.formAt)
	require.Equal(t, 5, got.MaxTokens)
}

// The same names as parameters of the request.
func TestSamplingOfRequestParameters(t *testing.T) {
	got, err := samplingOf(request(t, `
		parameters { key: "max_tokens" value { int64_param: 5 } } parameters { key: "seed" value { uint64_param: 18446744073709551615 } }
		parameters { key: "temperature" value { double_param: 0.25 } } parameters { key: "top_p" value { string_param: "0.5" } }
		parameters { key: "stop" value { string_param: "." } } parameters { key: "ignore_eos" value { bool_param: false } }`).GetParameters())
	require.NoError(t, err)
	require.Equal(t, sampling.Params{
		MaxTokens: 5, Temperature: 0.25, TopP: 0.5, RepetitionPenalty: 1, Seed: seed(1<<64 - 1), Stop: []string{"."},
	}, got.Params)
	_, err = samplingOf(request(t, `parameters { key: "max_token" value { int64_param: 5 } }`).GetParameters())
	requireField(t, "parameters.max_token", err)
	_, err = samplingOf(request(t, `parameters { key: "max_tokens" value { double_param: 5.5 } }`).GetParameters())
	requireField(t, "parameters.max_tokens", err)
}

// Any text gives parameters that the sampler takes, or an error that names a place and quotes nothing.
func FuzzSampling(f *testing.F) {
	f.Add(`{"max_tokens": 7, "temperature": "0.5", "stop": ["a"]}`)
	f.Add(`{"top_k": -1, "n": 1, "seed": 18446744073709551615}`)
	f.Add(`{"a": [[[[]]]], "b": {"c": null}}`)
	f.Add(`{"guided_json": {"type": "null"}, "guided_decoding": {"choice": ["a"]}}`)
	f.Fuzz(func(t *testing.T, text string) {
		p, err := parseSampling("x", []byte(text))
		if err != nil {
			var e *apierror.FieldError
			require.ErrorAs(t, err, &e)
			require.True(t, strings.HasPrefix(e.Field, "x"), e.Field)
			return
		}
		if p.MaxTokens == 0 {
			p.MaxTokens = 1
		}
		require.NoError(t, p.Validate())
		_, err = sampling.New(p.Params)
		require.NoError(t, err, fmt.Sprint(p))
	})
}
