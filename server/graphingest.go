package server

import (
	"context"
	"fmt"

	"github.com/bedside-lm/bedside/clinical/deid"
	"github.com/bedside-lm/bedside/clinical/graph"
	"github.com/bedside-lm/bedside/clinical/record"
	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
	"github.com/bedside-lm/bedside/server/apierror"
	"github.com/bedside-lm/bedside/server/convert"
)

func (s *graphService) IngestRecord(ctx context.Context, req *bedsidev1.IngestRecordRequest) (*bedsidev1.IngestRecordResponse, error) {
	db, tenant, err := s.of(ctx)
	if err != nil {
		return nil, err
	}
	rec, err := prepared(ctx, req.GetSource(), s.limits)
	if err != nil {
		return nil, err
	}
	// Pseudonyms differ between tenants, or two of them could tell that they have the same patient.
	opt := graph.Options{
		Pseudonyms: s.graphs.names.Within(tenant), Patient: req.GetPatient(), Record: req.GetRecordId(), All: req.GetAllReadings(),
	}
	if opt.Notes, err = notesOf(req.GetNotes()); err != nil {
		return nil, err
	}
	opt.Notes = append(filedNotes(req.GetSource(), rec, s.limits), opt.Notes...)
	model, err := s.readNotes(ctx, req.GetModel(), opt.Notes, func() *deid.Known { return s.prompts.known(req.GetSource()) })
	if err != nil {
		return nil, err
	}
	g, err := graph.FromRecord(rec, opt)
	if err != nil {
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

// notesOf are a request's notes.
func notesOf(notes []*bedsidev1.GraphNote) ([]graph.Note, error) {
	out := make([]graph.Note, len(notes))
	for i, n := range notes {
		at, err := record.ParseDateTime(n.GetTime())
		if err != nil {
			return nil, &apierror.FieldError{Field: fmt.Sprintf("notes[%d].time", i), Message: err.Error()}
		}
		out[i] = graph.Note{ID: n.GetId(), Text: n.GetText(), Time: at}
	}
	return out, nil
}

// filedNotes are the texts of a record, and those of its source that no record has a place for.
func filedNotes(src *bedsidev1.RecordSource, rec *record.PatientRecord, limits convert.Limits) []graph.Note {
	out := graph.NotesOf(rec)
	for _, t := range convert.Texts(src, rec.Patient.ID, limits) {
		out = append(out, graph.Note{ID: t.ID, Text: t.Text, Time: t.Time})
	}
	return out
}
