package oip

import (
	"bytes"
	"encoding/json"
	"errors"

	"github.com/bedside-lm/bedside/runtime/constrain"
)

// guided reads what a text must be like. It returns the path to it below the parameter.
type guided func(*constrain.Form, json.RawMessage) (string, error)

// guidedFields are the names of vLLM's server, and that of its sampling parameters, which takes an object of guidedKinds.
var (
	guidedFields = map[string]guided{
		"guided_choice": guidedChoice, "guided_regex": guidedRegex, "guided_json": guidedJSON, "guided_decoding": guidedDecoding,
	}
	guidedKinds = map[string]guided{"choice": guidedChoice, "regex": guidedRegex, "json": guidedJSON}
)

// guide sets the form. A null asks for nothing; a second one is refused.
func (p *parameters) guide(path string, set guided, raw json.RawMessage) error {
	if bytes.Equal(bytes.TrimSpace(raw), []byte("null")) {
		return nil
	}
	if p.formAt != "" {
		return invalid(path, "is not possible beside another form")
	}
	below, err := set(&p.form, raw)
	if err != nil {
		return invalid(path+below, "%s", err)
	}
	p.formAt = path + below
	return nil
}

func guidedChoice(f *constrain.Form, raw json.RawMessage) (string, error) {
	if json.Unmarshal(raw, &f.Choices) != nil || len(f.Choices) == 0 {
		return "", errors.New("must be a list of strings that is not empty")
	}
	return "", nil
}

func guidedRegex(f *constrain.Form, raw json.RawMessage) (string, error) {
	if json.Unmarshal(raw, &f.Regex) != nil || f.Regex == "" {
		return "", errors.New("must be a string that is not empty")
	}
	return "", nil
}

// guidedJSON takes a schema as it is, or as a string.
func guidedJSON(f *constrain.Form, raw json.RawMessage) (string, error) {
	f.JSONSchema = string(raw)
	if raw[0] == '"' && json.Unmarshal(raw, &f.JSONSchema) != nil || f.JSONSchema == "" {
		return "", errors.New("must be a JSON schema")
	}
	return "", nil
}

// guidedDecoding takes an object of one of the three, also in a string.
func guidedDecoding(f *constrain.Form, raw json.RawMessage) (string, error) {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		raw = json.RawMessage(text)
	}
	var object map[string]json.RawMessage
	if json.Unmarshal(raw, &object) != nil || len(object) != 1 {
		return "", errors.New("must be an object with one of choice, regex and json")
	}
	for name, value := range object {
		if set, ok := guidedKinds[name]; ok {
			_, err := set(f, value)
			return "." + name, err
		}
	}
	return "", errors.New("must be an object with one of choice, regex and json")
}

// decode reads a JSON value, its numbers as they stand.
func decode(raw json.RawMessage) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var value any
	err := dec.Decode(&value)
	return value, err
}
