package server

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/bedside-lm/bedside/clinical/deid"
	"github.com/bedside-lm/bedside/clinical/graph"
	"github.com/bedside-lm/bedside/clinical/note"
	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
	"github.com/bedside-lm/bedside/runtime/constrain"
	"github.com/bedside-lm/bedside/runtime/sampling"
	"github.com/bedside-lm/bedside/runtime/tokenizer"
	"github.com/bedside-lm/bedside/server/apierror"
	"github.com/bedside-lm/bedside/server/convert"
	"github.com/bedside-lm/bedside/server/engine"
)

// triplesTask is the token that asks a device language model for statements (scripts/corpus has the form of a sequence).
const triplesTask = "<|triples|>"

const (
	maxStatementTokens = 384 // of one piece of a note
	piecesAtOnce       = 64  // of one call; the engine batches them
)

// noteModel finds the model that reads notes for a request; nil, with nothing to release, where rules do.
func (r *registry) noteModel(ctx context.Context, name string) (*languageModel, func(), error) {
	if name == "" {
		name = r.defaults[noted]
	}
	if name == "" {
		return nil, func() {}, nil
	}
	lm, release, err := r.languageModel(ctx, name)
	if err != nil {
		return nil, nil, err
	}
	if _, learnt := lm.tokenizer.SpecialID(triplesTask); !learnt {
		release()
		return nil, nil, &apierror.FieldError{Field: "model", Message: "has not learnt to write statements (the task \"triples\")"}
	}
	return lm, release, nil
}

// read has the model read notes as texts show them, all their pieces at once. What it says is kept to names that stand in them.
func (lm *languageModel) read(ctx context.Context, notes []graph.Note, texts []string) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(piecesAtOnce)
	by := fmt.Sprintf("%s %s %s", lm.manifest.Name, lm.manifest.Version, lm.manifest.Digest)
	found := make([][][]note.Statement, len(notes))
	for i := range notes {
		pieces := note.Pieces(texts[i])
		notes[i].By, found[i] = by, make([][]note.Statement, len(pieces))
		for k := range pieces {
			group.Go(func() (err error) {
				found[i][k], err = lm.readPiece(ctx, &pieces[k])
				return err
			})
		}
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for i := range notes {
		notes[i].Least = lm.noteLeast()
		notes[i].Statements = slices.Concat(found[i]...)
	}
	return nil
}

// readPiece gives the statements of a piece, by their bytes in the note.
func (lm *languageModel) readPiece(ctx context.Context, p *note.Piece) ([]note.Statement, error) {
	prompt := lm.tokenizer.Encode("<|bos|><|"+string(p.Lang)+"|>"+triplesTask, tokenizer.WithSpecial())
	prompt = append(prompt, lm.tokenizer.Encode(p.Text)...) // what stands in the text is text, whatever it looks like
	prompt = append(prompt, lm.tokenizer.Encode("<|answer|>", tokenizer.WithSpecial())...)
	params := sampling.Default()
	params.MaxTokens, params.Logprobs = max(1, min(maxStatementTokens, lm.engine.Capacity()-len(prompt))), 1
	gen, err := lm.engine.Generate(ctx, engine.Request{Prompt: prompt, Sampling: params, Form: constrain.Form{Regex: p.Form, Once: true}})
	if err != nil {
		return nil, err
	}
	answer, sums := said(gen, lm.manifest.EOSTokenIDs)
	if err := gen.Err(); err != nil {
		return nil, err
	}
	statements, _ := p.Read(answer)
	for i := range statements {
		statements[i] = statements[i].Shift(p.Start)
		statements[i].Probability = math.Exp(sums[statements[i].Line])
	}
	return statements, nil
}

// said is an answer, and for each of its lines the log probability of what the line says of its name: of the tokens
// behind its first bar. The name itself was not the model's to choose.
func said(gen *engine.Generation, ends []int32) (answer string, sums map[int]float64) {
	var text strings.Builder
	sums = map[int]float64{}
	line, behind := 0, false
	for ev := range gen.Events() {
		text.WriteString(ev.Text)
		if n := strings.Count(ev.Text, "\n"); n > 0 {
			line, behind = line+n, false
		}
		last := ev.Text[strings.LastIndexByte(ev.Text, '\n')+1:]
		behind = behind || strings.Contains(last, "|")
		if behind && ev.Token != nil && !slices.Contains(ends, ev.Token.ID) {
			sums[line] += ev.Token.Logprob
		}
	}
	return text.String(), sums
}

// noteLeast is the probability below which a statement of the model's is not taken.
func (lm *languageModel) noteLeast() float64 {
	if lm.notes == nil {
		return graph.LeastSure
	}
	return lm.notes.Least
}

// ReadNotes says what texts state.
func (s *graphService) ReadNotes(ctx context.Context, req *bedsidev1.ReadNotesRequest) (*bedsidev1.ReadNotesResponse, error) {
	if _, err := s.tenant(ctx); err != nil {
		return nil, err
	}
	if req.GetByRule() && req.GetModel() != "" {
		return nil, &apierror.FieldError{Field: "by_rule", Message: "and model ask for two readings"}
	}
	notes, err := notesOf(req.GetNotes())
	if err != nil {
		return nil, err
	}
	var model *bedsidev1.ModelReference
	if !req.GetByRule() {
		if model, err = s.readNotes(ctx, req.GetModel(), notes, func() *deid.Known { return nil }); err != nil {
			return nil, err
		}
	}
	return convert.ReadNotesToProto(notes, model), nil
}

// readNotes has a model read notes, where there is one; else they are left to rules. It reads them without the identifiers
// that they hold, each byte of which has become a letter, so that places in what it read are places in the note. known are the
// people that the record names; it is asked for only where a model reads.
func (s *graphService) readNotes(ctx context.Context, name string, notes []graph.Note, known func() *deid.Known) (*bedsidev1.ModelReference, error) {
	lm, release, err := s.models.noteModel(ctx, name)
	if err != nil || lm == nil {
		return nil, err
	}
	defer release()
	texts, people := make([]string, len(notes)), known()
	for i := range notes {
		if texts[i], err = s.prompts.masked(notes[i].Text, people); err != nil {
			return nil, err
		}
	}
	if err := lm.read(ctx, notes, texts); err != nil {
		return nil, err
	}
	return lm.reference(), nil
}
