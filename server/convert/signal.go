package convert

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"

	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/signal"
	"github.com/bedside-lm/bedside/clinical/signal/dicom"
	"github.com/bedside-lm/bedside/clinical/signal/edf"
	"github.com/bedside-lm/bedside/clinical/signal/wav"
	"github.com/bedside-lm/bedside/clinical/signal/wfdb"
	"github.com/bedside-lm/bedside/clinical/terms"
	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
)

// DescribeSignal reads a signal, in whichever form it came, and says what it shows. recording
// describes waveforms. The error is a *record.InvalidError or a *record.LimitError.
func DescribeSignal(src *bedsidev1.SignalSource, lang terms.Lang, recording func(*signal.Recording, terms.Lang) []signal.Description) (
	[]signal.Description, []record.Notice, error,
) {
	var file signal.Describer
	var data []byte
	switch s := src.GetSource().(type) {
	case *bedsidev1.SignalSource_Dicom:
		file, data = dicom.Describer{}, s.Dicom
	case *bedsidev1.SignalSource_Wav:
		file, data = wav.Describer{}, s.Wav
	default:
		rec, err := recordingOf(src)
		if err != nil {
			return nil, nil, err
		}
		return recording(rec, lang), rec.Notices, nil
	}
	d, err := file.Describe(data, lang)
	if err != nil {
		return nil, nil, err
	}
	return []signal.Description{*d}, nil, nil
}

func recordingOf(src *bedsidev1.SignalSource) (*signal.Recording, error) {
	switch s := src.GetSource().(type) {
	case *bedsidev1.SignalSource_Sampled:
		code, data, start, err := SampledFromProto("source.sampled", s.Sampled)
		if err != nil {
			return nil, err
		}
		waves, err := signal.FromSampled(code, data, start)
		if err != nil {
			return nil, err
		}
		return &signal.Recording{Start: start, Waveforms: waves}, nil
	case *bedsidev1.SignalSource_Wfdb:
		return wfdb.Read(s.Wfdb.GetHeader(), filesOf(s.Wfdb), s.Wfdb.GetAnnotations(), wfdb.Limits{})
	case *bedsidev1.SignalSource_Edf:
		return edf.Parse(s.Edf, edf.Limits{})
	}
	return nil, &record.InvalidError{Violations: []record.Violation{{Path: "source", Message: "needs a signal"}}}
}

// filesOf opens the files that came with a record's header.
func filesOf(p *bedsidev1.WfdbRecord) wfdb.Open {
	return func(name string) (io.ReadCloser, error) {
		for _, f := range p.GetFiles() {
			if f.GetName() == name {
				return io.NopCloser(bytes.NewReader(f.GetData())), nil
			}
		}
		return nil, fmt.Errorf("not among the files sent: %w", fs.ErrNotExist)
	}
}

// DescriptionsToProto writes what was found.
func DescriptionsToProto(ds []signal.Description) []*bedsidev1.SignalDescription {
	return toEach(ds, func(d signal.Description) *bedsidev1.SignalDescription {
		return &bedsidev1.SignalDescription{
			Kind: d.Kind.String(), Label: d.Label, Channel: count(d.Channel), Findings: toEach(d.Findings, findingTo),
			Sentences: d.Sentences, Quality: d.Quality, Limits: d.Limits,
		}
	})
}

func findingTo(f signal.Finding) *bedsidev1.SignalFinding {
	out := &bedsidev1.SignalFinding{Key: f.Key, Name: f.Name, Unit: f.Unit}
	if f.Number != nil {
		out.Value = &bedsidev1.SignalFinding_Number{Number: *f.Number}
	} else {
		out.Value = &bedsidev1.SignalFinding_Text{Text: f.Text}
	}
	return out
}
