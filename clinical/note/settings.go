package note

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// SettingsName is the file in a model's folder that says that the model reads notes. scripts/evaluate writes it.
const SettingsName = "notes.json"

// MaxSettingsBytes bounds that file.
const MaxSettingsBytes = 64 << 10

// Settings are what was found of a model that reads notes.
type Settings struct {
	// Least is the probability below which a statement of its is not taken; chosen on validation.
	Least float64 `json:"least"`
}

// ErrSettings says that the file is none of this form.
var ErrSettings = errors.New(SettingsName + " is not as scripts/evaluate writes it")

// ParseSettings reads the file.
func ParseSettings(data []byte) (*Settings, error) {
	if len(data) > MaxSettingsBytes {
		return nil, fmt.Errorf("%w: more than %d bytes", ErrSettings, MaxSettingsBytes)
	}
	s := &Settings{}
	in := json.NewDecoder(bytes.NewReader(data))
	in.DisallowUnknownFields()
	if err := in.Decode(s); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSettings, err)
	}
	if s.Least < 0 || s.Least >= 1 {
		return nil, fmt.Errorf("%w: least must be in [0, 1)", ErrSettings)
	}
	return s, nil
}
