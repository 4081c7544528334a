package constrain

import (
	"crypto/sha256"
	"encoding/binary"
)

// Form is what a request may ask of a text. At most one field is set; none leaves the text free.
type Form struct {
	Choices    []string
	Regex      string
	JSONSchema string
	// Once says that hardly another text will have the form, so that it is not worth being kept.
	Once bool
}

// Free tells whether nothing is asked.
func (f Form) Free() bool { return len(f.Choices) == 0 && f.Regex == "" && f.JSONSchema == "" }

// Compile makes the form's grammar.
func (f Form) Compile() (*Grammar, error) {
	switch {
	case f.JSONSchema != "":
		return JSONSchema([]byte(f.JSONSchema))
	case f.Regex != "":
		return Regex(f.Regex)
	}
	return Choices(f.Choices)
}

// Key names the form: equal keys, equal forms.
func (f Form) Key() [sha256.Size]byte {
	var text []byte
	for _, part := range append([]string{f.JSONSchema, f.Regex}, f.Choices...) {
		text = binary.LittleEndian.AppendUint64(text, uint64(len(part)))
		text = append(text, part...)
	}
	return sha256.Sum256(text)
}
