package server

import (
	"context"
	"fmt"

	"github.com/bedside-lm/bedside/clinical/graph"
	"github.com/bedside-lm/bedside/clinical/record"
	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
	"github.com/bedside-lm/bedside/runtime/constrain"
	"github.com/bedside-lm/bedside/runtime/tokenizer"
	"github.com/bedside-lm/bedside/server/apierror"
	"github.com/bedside-lm/bedside/server/convert"
)

func (s *graphService) IngestRecord(ctx context.Context, req *bedsidev1.IngestRecordRequest) (*bedsidev1.IngestRecordResponse, error) {
	db, tenant, err := s.of(ctx)
	if err != nil {
		return nil, err
	}
	rec, err := prepared(req.GetSource(), s.limits)
	if err != nil {
		return nil, err
	}
	// Pseudonyms differ between tenants, or two of them could tell that they have the same patient.
	opt := graph.Options{
		Pseudonyms: s.graphs.names.Within(tenant), Patient: req.GetPatient(), Record: req.GetRecordId(), All: req.GetAllReadings(),
	}
	g, err := graph.FromRecord(rec, opt)
	if err != nil {
		return nil, err
	}
	notes, model, err := s.notes(ctx, req)
	if err != nil {
		return nil, err
	}
	if err := graph.AddNotes(g, rec, opt, notes); err != nil {
		return nil, err
	}
	added, err := db.Put(ctx, tenant, g)
	if err != nil {
		return nil, err
	}
	out := convert.IngestedToProto(g, added, req.GetIncludeReferences())
	out.Warnings, out.Model = convert.WarningsToProto(rec.Notices), model
	return out, nil
}

// notes reads a request's notes, and has a model read them where one is asked for.
func (s *graphService) notes(ctx context.Context, req *bedsidev1.IngestRecordRequest) ([]graph.Note, *bedsidev1.ModelReference, error) {
	out := make([]graph.Note, len(req.GetNotes()))
	for i, n := range req.GetNotes() {
		at, err := record.ParseDateTime(n.GetTime())
		if err != nil {
			return nil, nil, &apierror.FieldError{Field: fmt.Sprintf("notes[%d].time", i), Message: err.Error()}
		}
		out[i] = graph.Note{ID: n.GetId(), Text: n.GetText(), Lang: graph.LanguageOf(n.GetText()), Time: at}
	}
	if req.GetModel() == "" || len(out) == 0 {
		return out, nil, nil
	}
	lm, release, err := s.models.languageModel(ctx, req.GetModel())
	if err != nil {
		return nil, nil, err
	}
	defer release()
	known := s.prompts.known(req.GetSource())
	for i := range out {
		out[i].By = fmt.Sprintf("%s %s %s", lm.manifest.Name, lm.manifest.Version, lm.manifest.Digest)
		read := out[i]
		if read.Text, err = s.prompts.text(read.Text, known); err != nil {
			return nil, nil, err
		}
		if out[i].Answer, err = lm.statements(ctx, &read); err != nil {
			return nil, nil, err
		}
	}
	return out, lm.reference(), nil
}

// triplesTask is the token that asks a device language model for statements (scripts/corpus has the form of a sequence).
const triplesTask = "<|triples|>"

const maxStatementTokens = 512

// statements has the model read a note. What it writes has the form of statements, and nothing more is known of it.
func (lm *languageModel) statements(ctx context.Context, n *graph.Note) (string, error) {
	if _, learnt := lm.tokenizer.SpecialID(triplesTask); !learnt {
		return "", &apierror.FieldError{Field: "model", Message: "has not learnt to write statements (the task \"triples\")"}
	}
	prompt := lm.tokenizer.Encode("<|bos|><|"+string(n.Lang)+"|>"+triplesTask, tokenizer.WithSpecial())
	prompt = append(prompt, lm.tokenizer.Encode(n.Text)...) // what stands in the text is text, whatever it looks like
	prompt = append(prompt, lm.tokenizer.Encode("<|answer|>", tokenizer.WithSpecial())...)
	return lm.write(ctx, prompt, maxStatementTokens, constrain.Form{Regex: graph.AnswerForm})
}
