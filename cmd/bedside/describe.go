package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	bedside "github.com/bedside-lm/bedside/clients/go"
	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
	"github.com/bedside-lm/bedside/server/config"
)

type describeCmd struct {
	connection

	File string `arg:"" help:"A WFDB header (.hea; its files are read beside it), an EDF or BDF file (.edf, .bdf), a DICOM file (.dcm) or a sound (.wav)." type:"existingfile" placeholder:"FILE"`
	Lang string `help:"Language to write in." enum:"en,zh" default:"en"`
}

// Help is what --help adds.
func (*describeCmd) Help() string {
	return `What can be measured in a waveform, said in words: rate, rhythm, intervals, breaths, pulses, and how
far the signal is to be trusted. Of an image the tags, never the pixels; of a sound its length,
its level and the rhythm of breathing. Nothing is diagnosed.

Examples:

  bedside describe 100.hea
  bedside describe --lang zh --output json night.edf`
}

// Run prints what a signal shows.
func (d *describeCmd) Run(a *app) error {
	source, err := d.source()
	if err != nil {
		return err
	}
	d.need = func(c *config.Config) { c.Model = "" }
	return d.withClient(a, func(client *bedside.Client) error {
		response, err := client.DescribeSignal(a.ctx, &bedsidev1.DescribeSignalRequest{Source: source, Language: d.Lang})
		if err != nil {
			return d.failed(err)
		}
		if d.Output == "json" {
			return writeJSON(a.out, response)
		}
		return writeDescriptions(a.out, response)
	})
}

func (d *describeCmd) source() (*bedsidev1.SignalSource, error) {
	data, err := readFile(d.File, maxRecordBytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", d.File, err)
	}
	switch strings.ToLower(filepath.Ext(d.File)) {
	case ".hea":
		return wfdbSource(d.File, data)
	case ".edf", ".bdf":
		return &bedsidev1.SignalSource{Source: &bedsidev1.SignalSource_Edf{Edf: data}}, nil
	case ".dcm", ".dicom":
		return &bedsidev1.SignalSource{Source: &bedsidev1.SignalSource_Dicom{Dicom: data}}, nil
	case ".wav":
		return &bedsidev1.SignalSource{Source: &bedsidev1.SignalSource_Wav{Wav: data}}, nil
	}
	return nil, &usageError{fmt.Errorf("%s: expected a file named .hea, .edf, .bdf, .dcm or .wav", d.File)}
}

// wfdbSource gathers a record's files: those that its header names, and its annotations.
func wfdbSource(path string, header []byte) (*bedsidev1.SignalSource, error) {
	out := &bedsidev1.WfdbRecord{Header: header}
	seen := map[string]bool{}
	for _, l := range strings.Split(string(header), "\n")[1:] {
		name, _, _ := strings.Cut(strings.TrimSpace(l), " ")
		// Names of other folders are the reader's to refuse.
		if name == "" || name == "~" || name[0] == '#' || seen[name] || name != filepath.Base(name) {
			continue
		}
		seen[name] = true
		data, err := readFile(filepath.Join(filepath.Dir(path), name), maxRecordBytes)
		if errors.Is(err, fs.ErrNotExist) {
			continue // the server says which one it misses
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		out.Files = append(out.Files, &bedsidev1.WfdbFile{Name: name, Data: data})
	}
	data, err := os.ReadFile(strings.TrimSuffix(path, filepath.Ext(path)) + ".atr")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	out.Annotations = data
	return &bedsidev1.SignalSource{Source: &bedsidev1.SignalSource_Wfdb{Wfdb: out}}, nil
}

// writeDescriptions writes what each channel shows.
func writeDescriptions(w io.Writer, r *bedsidev1.DescribeSignalResponse) error {
	var out bytes.Buffer
	for _, d := range r.GetDescriptions() {
		fmt.Fprintf(&out, "%d %s", d.GetChannel(), d.GetKind())
		if d.GetLabel() != "" {
			fmt.Fprintf(&out, " (%s)", line(d.GetLabel()))
		}
		if d.Quality != nil {
			fmt.Fprintf(&out, ", quality %.2f", d.GetQuality())
		}
		out.WriteByte('\n')
		for _, s := range d.GetSentences() {
			fmt.Fprintf(&out, "  - %s\n", line(s))
		}
		for _, s := range d.GetLimits() {
			fmt.Fprintf(&out, "  * %s\n", line(s))
		}
	}
	out.WriteByte('\n')
	writeWarnings(&out, wordsOf(r.GetLanguage()), r.GetWarnings())
	fmt.Fprintln(&out, line(r.GetNotice()))
	_, err := w.Write(out.Bytes())
	return err
}
