package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	bedside "github.com/bedside-lm/bedside/clients/go"
	"github.com/bedside-lm/bedside/clinical/deid"
	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
	"github.com/bedside-lm/bedside/server/config"
	"github.com/bedside-lm/bedside/server/convert"
	"github.com/bedside-lm/bedside/server/secret"
)

type deidCmd struct {
	connection

	File    string `arg:"" help:"A text, a FHIR R4 resource (.json), FHIR resources one a line (.ndjson) or HL7 v2 messages (.hl7); \"-\" reads standard input." placeholder:"FILE"`
	Format  string `help:"How it is read; auto tells by its name and its beginning." enum:"auto,text,fhir,ndjson,hl7v2" default:"auto"`
	Lang    string `help:"Language of free text; auto: the rules of both." enum:"auto,en,zh" default:"auto"`
	Policy  string `help:"What is done to which type of identifier (YAML: default, actions)." type:"existingfile" placeholder:"FILE"`
	Patient string `help:"Whose document it is, where it does not say so: dates of the same patient are shifted alike." placeholder:"ID"`
	Out     string `help:"File to write instead of standard output; it is there only when it is whole." type:"path" placeholder:"FILE"`
	KeyFile string `help:"File with the key of pseudonyms, hashes and shifts, at least 32 random bytes, that others may not read. Without it they hold within this one document. With --addr the key is the server's." type:"path" env:"BEDSIDE_DEID_KEY_FILE" placeholder:"FILE"`
	Sealed  string `help:"Also write what undoes it, encrypted with the key, to this file." type:"path" placeholder:"FILE"`
	Reverse string `help:"Give back the original: FILE is what was written then, and this the file of --sealed. Needs --key-file." type:"existingfile" placeholder:"SEALED"`
	Tenant  string `help:"With --reverse: the tenant for whom a server sealed it." placeholder:"NAME"`
}

// Help is what --help adds.
func (*deidCmd) Help() string {
	return `Takes names, addresses, dates, numbers and all else that HIPAA's Safe Harbor lists, and what identifies
people in China, out of structured fields and free text. Rules miss some: docs/deidentification.md
says how many. The result goes to standard output, what was found (by type, never by value) to
standard error.

Examples:

  bedside deid discharge.txt
  bedside deid --policy policy.yaml --key-file deid.key --out shared.json patient.fhir.json
  head -c 32 /dev/urandom > deid.key && chmod 600 deid.key
  bedside deid --key-file deid.key --sealed note.sealed --out note.deid.txt note.txt
  bedside deid --key-file deid.key --reverse note.sealed note.deid.txt`
}

// Validate is kong's hook.
func (d *deidCmd) Validate() error {
	switch {
	case d.Addr != "" && d.KeyFile != "" && d.Reverse == "":
		return errors.New("--addr and --key-file exclude each other: the server has a key of its own")
	case d.Sealed != "" && d.Addr == "" && d.KeyFile == "":
		return errors.New("--sealed needs --key-file")
	case d.Reverse != "" && d.KeyFile == "":
		return errors.New("--reverse needs --key-file")
	case d.Tenant != "" && d.Reverse == "":
		return errors.New("--tenant is for --reverse")
	}
	return d.connection.Validate()
}

// Run takes the identifiers out of a document, or puts them back.
func (d *deidCmd) Run(a *app) error {
	text, err := a.readText(d.File, maxRecordBytes)
	if err != nil {
		return err
	}
	if d.Reverse != "" {
		return d.undo(a, text)
	}
	req, err := d.request(text)
	if err != nil {
		return err
	}
	d.need = func(c *config.Config) {
		c.Model, c.DiagnosisModel, c.TreatmentModel, c.ShippedModels, c.DeidKeyFile = "", "", "", "none", d.KeyFile
	}
	return d.withClient(a, func(client *bedside.Client) error {
		answer, err := client.Deidentify(a.ctx, req)
		if err != nil {
			return d.failed(err)
		}
		return d.write(a, answer)
	})
}

func (d *deidCmd) write(a *app, answer *bedsidev1.DeidentifyResponse) error {
	if d.Sealed != "" {
		if err := toFile(a, d.Sealed, func(w io.Writer) error {
			_, err := w.Write(answer.GetSealed())
			return err
		}); err != nil {
			return err
		}
	}
	if err := toFile(a, d.Out, func(w io.Writer) error {
		if d.Output == "json" {
			return writeJSON(w, answer)
		}
		_, err := io.WriteString(w, answer.GetOutput())
		return err
	}); err != nil || d.Quiet || d.Output == "json" {
		return err
	}
	var out bytes.Buffer
	if d.Out == "" && !strings.HasSuffix(answer.GetOutput(), "\n") {
		out.WriteByte('\n')
	}
	fmt.Fprintf(&out, "%d identifiers", len(answer.GetSpans()))
	for i, t := range slices.Sorted(maps.Keys(answer.GetCounts())) {
		sep := ", "
		if i == 0 {
			sep = ": "
		}
		fmt.Fprintf(&out, "%s%s %d", sep, line(t), answer.GetCounts()[t])
	}
	fmt.Fprintf(&out, "\n%s\n", line(answer.GetNotice()))
	_, err := a.err.Write(out.Bytes())
	return err
}

func (d *deidCmd) request(text string) (*bedsidev1.DeidentifyRequest, error) {
	req := &bedsidev1.DeidentifyRequest{Language: d.Lang, PatientId: d.Patient, Reversible: d.Sealed != ""}
	switch d.formatOf(text) {
	case "fhir":
		req.Input = &bedsidev1.DeidentifyRequest_FhirJson{FhirJson: text}
	case "ndjson":
		req.Input = &bedsidev1.DeidentifyRequest_FhirNdjson{FhirNdjson: text}
	case "hl7v2":
		req.Input = &bedsidev1.DeidentifyRequest_Hl7V2{Hl7V2: text}
	default:
		req.Input = &bedsidev1.DeidentifyRequest_Text{Text: text}
	}
	if d.Policy == "" {
		return req, nil
	}
	data, err := readFile(d.Policy, maxSchemaBytes)
	if err != nil {
		return nil, fmt.Errorf("--policy: %w", err)
	}
	policy, err := deid.ParsePolicy(data)
	if err != nil {
		return nil, &usageError{fmt.Errorf("--policy: %w", err)}
	}
	req.Policy = &bedsidev1.DeidentificationPolicy{
		DefaultAction: convert.DeidActionToProto(policy.Default), Actions: map[string]bedsidev1.DeidentificationAction{},
	}
	for t, action := range policy.Actions {
		req.Policy.Actions[string(t)] = convert.DeidActionToProto(action)
	}
	return req, nil
}

func (d *deidCmd) formatOf(text string) string {
	if d.Format != "auto" {
		return d.Format
	}
	switch strings.ToLower(filepath.Ext(d.File)) {
	case ".hl7":
		return "hl7v2"
	case ".json":
		return "fhir"
	case ".ndjson", ".jsonl":
		return "ndjson"
	case ".txt", ".md":
		return "text"
	}
	start := strings.TrimLeft(text, "\x0b\r\n\t \ufeff")
	for _, header := range []string{"MSH", "FHS", "BHS"} {
		if strings.HasPrefix(start, header) {
			return "hl7v2"
		}
	}
	if strings.HasPrefix(start, "{") {
		if first, rest, _ := strings.Cut(start, "\n"); json.Valid([]byte(first)) && strings.TrimSpace(rest) != "" {
			return "ndjson"
		}
		if json.Valid([]byte(start)) {
			return "fhir"
		}
	}
	return "text"
}

// undo gives the original. It needs no server: whoever holds the key does it alone.
func (d *deidCmd) undo(a *app, text string) error {
	key, err := secret.Read("key-file", d.KeyFile)
	if err != nil {
		return err
	}
	keys, err := deid.NewKeys(key)
	if err != nil {
		return fmt.Errorf("--key-file: %w", err)
	}
	if keys, err = keys.Within(d.Tenant); err != nil {
		return err
	}
	sealed, err := os.ReadFile(d.Reverse)
	if err != nil {
		return err
	}
	original, err := keys.Reverse(text, sealed)
	if err != nil {
		return fmt.Errorf("%s: %w", d.File, err)
	}
	return toFile(a, d.Out, func(w io.Writer) error {
		_, err := io.WriteString(w, original)
		return err
	})
}
