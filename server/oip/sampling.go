package oip

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	inference "github.com/bedside-lm/bedside/proto/inference/v2"
	"github.com/bedside-lm/bedside/runtime/constrain"
	"github.com/bedside-lm/bedside/runtime/sampling"
)

// maxParametersBytes bounds a sampling_parameters text: a JSON schema, escaped, and room.
const maxParametersBytes = 2*constrain.MaxSchemaBytes + 64<<10

// parameters are what a request says of how its text is to be written.
type parameters struct {
	sampling.Params
	form   constrain.Form
	formAt string // where in the request the form stands
}

// samplingFields reads each sampling parameter. What is not here is unknown, or in unsupportedFields.
var samplingFields = map[string]func(*parameters, any) error{
	"max_tokens": func(p *parameters, v any) error {
		n, err := integer(v)
		if err == nil && (n < 1 || n > sampling.MaxMaxTokens) {
			err = fmt.Errorf("must be 1 to %d", sampling.MaxMaxTokens)
		}
		p.MaxTokens = int(n)
		return err
	},
	"top_k": func(p *parameters, v any) error {
		n, err := integer(v)
		if n == -1 { // how vLLM writes "all"
			n = 0
		}
		if err == nil && (n < 0 || n > math.MaxInt32) {
			err = errors.New("must be 0 or -1 (all), or 1 and above")
		}
		p.TopK = int(n)
		return err
	},
	"temperature":        func(p *parameters, v any) (err error) { p.Temperature, err = float(v); return err },
	"top_p":              func(p *parameters, v any) (err error) { p.TopP, err = float(v); return err },
	"min_p":              func(p *parameters, v any) (err error) { p.MinP, err = float(v); return err },
	"repetition_penalty": func(p *parameters, v any) (err error) { p.RepetitionPenalty, err = float(v); return err },
	"seed": func(p *parameters, v any) error {
		seed, err := unsigned(v)
		p.Seed = &seed
		return err
	},
	"stop": func(p *parameters, v any) (err error) { p.Stop, err = stops(v); return err },
}

// unsupportedFields are known elsewhere; the value that changes nothing is accepted, since some clients always send it.
var unsupportedFields = map[string]string{
	"presence_penalty": "0", "frequency_penalty": "0", "length_penalty": "1", "n": "1", "best_of": "1", "min_tokens": "0",
	"ignore_eos": "false", "use_beam_search": "false", "early_stopping": "false",
}

// parseSampling reads sampling parameters as vLLM's backend for Triton takes them: a JSON object whose values may also
// be numbers in quotes. path is where the text stands in the request. MaxTokens stays 0 where the text does not say.
func parseSampling(path string, text []byte) (parameters, error) {
	p := parameters{Params: sampling.Params{TopP: 1, RepetitionPenalty: 1}}
	if len(text) > maxParametersBytes {
		return p, invalid(path, "is %d bytes long; at most %d are allowed", len(text), maxParametersBytes)
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	if open, err := dec.Token(); err != nil || open != json.Delim('{') {
		return p, invalid(path, "is not a JSON object")
	}
	seen := map[string]bool{}
	for dec.More() {
		key, err := dec.Token()
		name, ok := key.(string)
		if err != nil || !ok {
			return p, notJSON(path, dec)
		}
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return p, notJSON(path, dec)
		}
		if seen[name] {
			return p, invalid(path+fieldName(name), "is given twice")
		}
		seen[name] = true
		if err := setSampling(&p, path, name, raw); err != nil {
			return p, err
		}
	}
	if _, err := dec.Token(); err != nil { // the closing brace
		return p, notJSON(path, dec)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return p, invalid(path, "goes on after its JSON object")
	}
	return p, checkSampling(path, p.Params)
}

// samplingOf reads sampling parameters that came as parameters of the request.
func samplingOf(params map[string]*inference.InferParameter) (parameters, error) {
	p := parameters{Params: sampling.Params{TopP: 1, RepetitionPenalty: 1}}
	for _, name := range slices.Sorted(maps.Keys(params)) {
		var value any
		param := params[name]
		switch v := param.GetParameterChoice().(type) {
		case *inference.InferParameter_BoolParam:
			value = v.BoolParam
		case *inference.InferParameter_Int64Param:
			value = v.Int64Param
		case *inference.InferParameter_Uint64Param:
			value = v.Uint64Param
		case *inference.InferParameter_DoubleParam:
			value = json.RawMessage(strconv.FormatFloat(v.DoubleParam, 'g', -1, 64))
			if math.IsNaN(v.DoubleParam) || math.IsInf(v.DoubleParam, 0) {
				return p, invalid("parameters"+fieldName(name), "must be a number")
			}
		case *inference.InferParameter_StringParam:
			value = v.StringParam
		}
		raw, err := json.Marshal(value)
		if err != nil {
			return p, invalid("parameters"+fieldName(name), "is not valid")
		}
		if err := setSampling(&p, "parameters", name, raw); err != nil {
			return p, err
		}
	}
	return p, checkSampling("parameters", p.Params)
}

// setSampling takes one parameter, by its name and its value as JSON.
func setSampling(p *parameters, path, name string, raw json.RawMessage) error {
	if set, ok := guidedFields[name]; ok {
		return p.guide(path+fieldName(name), set, raw)
	}
	value, err := decode(raw)
	if err != nil {
		return invalid(path+fieldName(name), "is not valid JSON")
	}
	if set, ok := samplingFields[name]; ok {
		if err := set(p, value); err != nil {
			return invalid(path+fieldName(name), "%s", err)
		}
		return nil
	}
	neutral, known := unsupportedFields[name]
	if !known {
		return invalid(path+fieldName(name), "is no sampling parameter; there are max_tokens, temperature, top_k, top_p, min_p, repetition_penalty, seed, stop, guided_choice, guided_regex, guided_json")
	}
	if !isNeutral(value, neutral) {
		return invalid(path+fieldName(name), "is not supported; only %s, which changes nothing, is accepted", neutral)
	}
	return nil
}

func isNeutral(value any, neutral string) bool {
	if b, ok := value.(bool); ok {
		return strconv.FormatBool(b) == neutral
	}
	want, err := strconv.ParseFloat(neutral, 64)
	if err != nil {
		return value == neutral // "false" in quotes
	}
	have, err := float(value)
	return err == nil && have == want
}

// checkSampling holds the parameters against their bounds.
func checkSampling(path string, p sampling.Params) error {
	if p.MaxTokens == 0 {
		p.MaxTokens = 1 // the model's default, which is not known here
	}
	err := p.Validate()
	if e, ok := errors.AsType[*sampling.Error](err); ok {
		return invalid(path+"."+e.Field, "%s", e.Reason)
	}
	return err
}

var plainName = regexp.MustCompile(`^[A-Za-z0-9_]{1,40}$`)

// fieldName is a parameter's name as part of a path. A name that is no plain word may be anything, so it is not told.
func fieldName(name string) string {
	if !plainName.MatchString(name) {
		return "[...]"
	}
	return "." + name
}

func notJSON(path string, dec *json.Decoder) error {
	return invalid(path, "is not a JSON object: it breaks off or goes wrong at byte %d", dec.InputOffset())
}

// number gives the text of a number, in quotes or not.
func number(v any) (string, error) {
	switch v := v.(type) {
	case json.Number:
		return v.String(), nil
	case string:
		return strings.TrimSpace(v), nil
	}
	return "", errors.New("must be a number")
}

func integer(v any) (int64, error) {
	text, err := number(v)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, errors.New("must be a whole number of 64 bits")
	}
	return n, nil
}

func unsigned(v any) (uint64, error) {
	text, err := number(v)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, errors.New("must be a whole number from 0 to 2^64-1")
	}
	return n, nil
}

func float(v any) (float64, error) {
	text, err := number(v)
	if err != nil {
		return 0, err
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
		return 0, errors.New("must be a number")
	}
	return f, nil
}

// stops reads one stop string or a list of them.
func stops(v any) ([]string, error) {
	switch v := v.(type) {
	case nil:
		return nil, nil
	case string:
		return []string{v}, nil
	case []any:
		out := make([]string, 0, min(len(v), sampling.MaxStops+1))
		for _, item := range slices.All(v) {
			s, ok := item.(string)
			if !ok {
				return nil, errors.New("must hold strings alone")
			}
			out = append(out, s)
		}
		return out, nil
	}
	return nil, errors.New("must be a string or a list of strings")
}
