package signal

import "github.com/bedside-lm/bedside/clinical/terms"

// Describer turns one file or message of a kind into words: what was measured in it, and what
// was not assessed. A describer states what it can measure and nothing more; one that reads
// an image's tags says nothing of its pixels.
//
// The error is a *record.InvalidError or a *record.LimitError. Neither it nor the description
// holds names, numbers or other identifiers of a patient.
type Describer interface {
	Describe(data []byte, lang terms.Lang) (*Description, error)
}

// Description is what one channel, image or sound shows.
type Description struct {
	Kind  Kind
	Label string // as filed, such as "MLII"; "" where none was
	// Channel is the channel's index in its source.
	Channel int
	// Findings are what was measured, the most important first.
	Findings []Finding
	// Sentences say the findings in the language that was asked for.
	Sentences []string
	// Quality is 0 to 1: how far the signal is to be trusted. It is nil where it was not assessed.
	Quality *float64
	// Limits say what was not assessed and why, each a sentence in the language that was asked for.
	Limits []string
}

// Finding is one thing that was measured: a number, or a text where Number is nil.
type Finding struct {
	Key    string // language-neutral, in kebab case, such as "heart-rate" or "rhythm"
	Name   string // the key in the language that was asked for
	Number *float64
	Unit   string // UCUM code of Number
	Text   string // in the language that was asked for, or a code as filed
}

// AddNumber adds a finding that is a number in a UCUM unit.
func (d *Description) AddNumber(key, name string, number float64, unit string) {
	d.Findings = append(d.Findings, Finding{Key: key, Name: name, Number: &number, Unit: unit})
}

// AddText adds a finding that is a text.
func (d *Description) AddText(key, name, text string) {
	d.Findings = append(d.Findings, Finding{Key: key, Name: name, Text: text})
}

// Finding returns the finding with a key, or nil.
func (d *Description) Finding(key string) *Finding {
	for i := range d.Findings {
		if d.Findings[i].Key == key {
			return &d.Findings[i]
		}
	}
	return nil
}
