// Package signal reads what a waveform shows: heart beats, breaths, pulses, and how far the
// signal is to be trusted. It turns them into statements in English and Chinese.
//
// It measures and describes. It diagnoses nothing, and says "not assessable" where the signal
// does not carry a statement.
package signal

import (
	"time"

	"github.com/bedside-lm/bedside/clinical/record"
)

// Kind says what a waveform is of.
type Kind string

// The kinds of waveform.
const (
	KindUnknown     Kind = ""
	KindECG         Kind = "ecg"         // electrocardiogram, one lead
	KindPPG         Kind = "ppg"         // photoplethysmogram of a pulse oximeter
	KindRespiration Kind = "respiration" // chest movement or impedance, or airway flow
	KindCO2         Kind = "co2"         // capnogram
	KindABP         Kind = "abp"         // arterial pressure
)

// Waveform is one evenly sampled channel.
type Waveform struct {
	Kind  Kind
	Label string // as filed, such as "MLII" or "PLETH"
	Unit  string // UCUM code, "" where none was filed
	Rate  float64
	// Samples are in Unit. A NaN is a dropout; -Inf and +Inf are below and above the device's limits.
	Samples []float64
	// Start is the moment of the first sample; zero where unknown.
	Start record.DateTime
}

// Duration is the time that the samples cover.
func (w *Waveform) Duration() time.Duration {
	if w.Rate <= 0 {
		return 0
	}
	return time.Duration(float64(len(w.Samples)) / w.Rate * float64(time.Second))
}

// Recording is what one file or message holds: channels of the same time span, which may differ
// in rate, and what was marked in them.
type Recording struct {
	Start       record.DateTime
	Waveforms   []Waveform
	Annotations []Annotation
	// Device is the instrument as filed, without serial numbers; "" where unknown.
	Device  string
	Notices []record.Notice
}

// Annotation is something that a person or a program marked at a moment of a recording.
type Annotation struct {
	At       time.Duration // from the start
	Duration time.Duration // 0 for a moment
	Channel  int           // index into Waveforms, or -1 for all
	// Code is the file format's own code: for WFDB a beat or rhythm code such as "N" or "+", for
	// EDF+ "".
	Code string
	// Text is what was filed with it, such as "(AFIB". It may hold what a person typed.
	Text string
}
