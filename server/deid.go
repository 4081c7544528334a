package server

import (
	"context"
	"errors"

	"github.com/bedside-lm/bedside/clinical/deid"
	"github.com/bedside-lm/bedside/clinical/record"
	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
	"github.com/bedside-lm/bedside/server/apierror"
	"github.com/bedside-lm/bedside/server/config"
	"github.com/bedside-lm/bedside/server/convert"
	"github.com/bedside-lm/bedside/server/secret"
	"github.com/bedside-lm/bedside/server/tenant"
)

// deidentifier takes identifiers out of what requests hold.
type deidentifier struct {
	keys  *deid.Keys // nil: a key for each answer
	bytes int
}

const deidKeySetting = "deid-key-file"

func newDeidentifier(cfg config.Config) (*deidentifier, error) {
	d := &deidentifier{bytes: int(cfg.MaxRecordBytes)}
	if cfg.DeidKeyFile == "" {
		return d, nil
	}
	key, err := secret.Read(deidKeySetting, cfg.DeidKeyFile)
	if err != nil {
		return nil, err
	}
	if d.keys, err = deid.NewKeys(key); err != nil {
		return nil, &config.Error{Setting: deidKeySetting, Reason: err.Error()}
	}
	return d, nil
}

// deidNotice says what de-identification is and is not.
const deidNotice = "Found by rules, which miss some: see docs/deidentification.md for how many. Have a person look before data leave your hands. 由规则识别，可能遗漏；数据外传前请人工复核。"

func (s *preparationService) Deidentify(ctx context.Context, req *bedsidev1.DeidentifyRequest) (*bedsidev1.DeidentifyResponse, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	opt, err := convert.DeidOptions(req)
	if err != nil {
		return nil, deidError(err)
	}
	opt.Limits.Bytes = s.deid.bytes
	if s.deid.keys != nil {
		of, err := tenant.Of(ctx)
		if err != nil {
			return nil, err
		}
		// Two tenants with the same patient must not be able to tell.
		if opt.Keys, err = s.deid.keys.Within(of); err != nil {
			return nil, err
		}
	}
	var result *deid.Result
	switch in := req.GetInput().(type) {
	case *bedsidev1.DeidentifyRequest_Text:
		result, err = deid.Text(in.Text, opt)
	case *bedsidev1.DeidentifyRequest_FhirJson:
		result, err = deid.FHIR(in.FhirJson, opt)
	case *bedsidev1.DeidentifyRequest_FhirNdjson:
		result, err = deid.NDJSON(in.FhirNdjson, opt)
	case *bedsidev1.DeidentifyRequest_Hl7V2:
		result, err = deid.HL7v2(in.Hl7V2, opt)
	}
	if err != nil {
		return nil, deidError(err)
	}
	out := convert.DeidentifiedToProto(result)
	out.Keyed, out.Notice = opt.Keys != nil, deidNotice
	return out, nil
}

// deidError says which field of the request is at fault.
func deidError(err error) error {
	if e, ok := errors.AsType[*deid.PolicyError](err); ok {
		return &apierror.FieldError{Field: "policy." + e.Field, Message: e.Reason}
	}
	if _, ok := errors.AsType[*deid.KeyError](err); ok {
		return &apierror.FieldError{Field: "reversible", Message: "needs a key: start the server with --deid-key-file"}
	}
	return err
}

// prompts keeps identifiers out of what models read.
type prompts struct{ deidentify bool }

func promptsOf(cfg config.Config) prompts { return prompts{deidentify: cfg.DeidentifyPrompts} }

// clean takes identifiers out of the free text of a record that was read from src. Its dates stay: models are asked what
// happened when.
func (p prompts) clean(rec *record.PatientRecord, src *bedsidev1.RecordSource) error {
	if !p.deidentify {
		return nil
	}
	_, err := deid.Record(rec, deid.PromptPolicy(), func() *deid.Known { return p.known(src) })
	return err
}

// masked is a text with each byte of its identifiers turned into a letter: as long as it was.
func (p prompts) masked(text string, known *deid.Known) (string, error) {
	if !p.deidentify {
		return text, nil
	}
	found, err := deid.Text(text, deid.Options{Policy: deid.PromptPolicy(), Known: known})
	if err != nil {
		return "", err
	}
	out := []byte(text)
	for _, span := range found.Spans {
		if span.Action == deid.Keep {
			continue
		}
		for i := span.Start; i < span.End; i++ {
			out[i] = 'X'
		}
	}
	return string(out), nil
}

// known is what a source's own fields say of its people.
func (p prompts) known(src *bedsidev1.RecordSource) *deid.Known {
	if !p.deidentify {
		return nil
	}
	switch s := src.GetSource().(type) {
	case *bedsidev1.RecordSource_FhirJson:
		return deid.KnownFHIR(s.FhirJson)
	case *bedsidev1.RecordSource_Hl7V2:
		return deid.KnownHL7v2(s.Hl7V2)
	}
	return nil
}
