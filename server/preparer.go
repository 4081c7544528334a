package server

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/bedside-lm/bedside/clinical/prepare"
	"github.com/bedside-lm/bedside/clinical/prepare/features"
	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/render"
	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
	"github.com/bedside-lm/bedside/server/apierror"
	"github.com/bedside-lm/bedside/server/convert"
	"github.com/bedside-lm/bedside/server/embed"
)

// preparer makes prepared records of what requests hold.
type preparer struct {
	models  *registry
	limits  convert.Limits
	tenant  func(context.Context) (string, error)
	prompts prompts
}

// prepare reads, cleans and, where asked for, describes one record.
func (p *preparer) prepare(ctx context.Context, src *bedsidev1.RecordSource, opt *bedsidev1.PreparationOptions) (*bedsidev1.PreparedRecord, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	rec, err := filed(ctx, src, p.limits)
	if err != nil {
		return nil, err
	}
	res := prepare.Run(rec, preparation(opt))
	out := convert.PreparedToProto(res, opt.GetIncludeRaw())
	if opt.GetIncludeFeatures() {
		out.Features = featuresOf(res.Record)
	}
	if opt.GetText() == nil && !opt.GetIncludeVector() {
		return out, nil
	}
	// out has the record as it is; its text may be read by a model.
	if err := p.prompts.clean(res.Record, src); err != nil {
		return nil, err
	}
	doc, err := p.render(ctx, res.Record, opt.GetText())
	if err != nil {
		return nil, err
	}
	if opt.GetText() != nil {
		out.Text = convert.TextToProto(doc)
		out.Warnings = append(out.Warnings, convert.WarningsToProto(doc.Notices)...)
	}
	if opt.GetIncludeVector() {
		out.Vector, err = p.vector(ctx, doc.Text())
	}
	return out, err
}

func preparation(opt *bedsidev1.PreparationOptions) prepare.Options {
	out := prepare.Options{FillInterval: time.Duration(opt.GetFillIntervalMinutes()) * time.Minute}
	for _, s := range opt.GetSkipStages() {
		out.Skip = append(out.Skip, prepare.StageName(s))
	}
	return out
}

// render puts a record into words. Tokens are the default language model's; a server without
// one estimates them.
func (p *preparer) render(ctx context.Context, rec *record.PatientRecord, opt *bedsidev1.TextOptions) (*render.Document, error) {
	how := render.Options{
		Lang: render.Lang(opt.GetLanguage()), RelativeTimes: opt.GetRelativeTimes(), Derived: true,
		TokenBudget: int(opt.GetTokenBudget()), CountTokens: render.EstimateTokens,
	}
	if opt.GetStyle() == bedsidev1.TextStyle_TEXT_STYLE_COMPACT {
		how.Style = render.StyleCompact
	}
	lm, release, err := p.models.languageModel(ctx, "")
	switch _, none := errors.AsType[*apierror.NotFoundError](err); {
	case err == nil:
		defer release()
		how.CountTokens = func(s string) int { return len(lm.tokenizer.Encode(s)) }
	case !none:
		return nil, err
	}
	return render.Render(rec, how), nil
}

// vector is the text's vector, by the server's default embedding model. What is longer than
// the model takes is cut, and the answer says so.
func (p *preparer) vector(ctx context.Context, text string) (*bedsidev1.Embedding, error) {
	tenant, err := p.tenant(ctx)
	if err != nil {
		return nil, err
	}
	model, release, err := p.models.embedder(ctx, "")
	if err != nil {
		return nil, err
	}
	defer release()
	vectors, err := model.Embed(ctx, embed.Request{Texts: []string{text}, Kind: embed.Passage, Truncate: true, Tenant: tenant})
	if err != nil {
		return nil, err
	}
	v := vectors[0]
	return &bedsidev1.Embedding{Values: v.Values, Tokens: int32(v.Tokens), Truncated: v.Truncated}, nil
}

func featuresOf(rec *record.PatientRecord) *bedsidev1.Features {
	row := features.Extract(rec)
	out := &bedsidev1.Features{Schema: features.SchemaName, Values: make([]*bedsidev1.Feature, len(row))}
	for i, c := range features.Schema() {
		out.Values[i] = &bedsidev1.Feature{Name: c.Name}
		if !math.IsNaN(row[i]) {
			out.Values[i].Value = &row[i]
		}
	}
	return out
}
