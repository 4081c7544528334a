package render

import (
	"strings"
	"time"

	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/score"
	"github.com/bedside-lm/bedside/clinical/terms"
)

// scoreNames are the table's names of what scores are made of.
var scoreNames = map[score.Kind]string{score.KindNEWS2: "NEWS2 score", score.KindQSOFA: "qSOFA score"}

var partNames = map[score.PartName]string{
	score.PartRespiratoryRate: "respiratory rate", score.PartOxygenSaturation: "oxygen saturation",
	score.PartOxygen: "supplemental oxygen", score.PartSystolic: "systolic blood pressure", score.PartPulse: "heart rate",
	score.PartConsciousness: "level of consciousness", score.PartTemperature: "body temperature",
}

const (
	qsofaPositive = 2   // points from which qSOFA is positive (Singer et al. 2016)
	maxMoments    = 200 // at which a score is computed; more are thinned evenly
)

// scores tells the early-warning scores at the last reading of any of their parts, and how
// they moved.
func (r *renderer) scores() []Fact {
	if !r.opt.Derived {
		return nil
	}
	var facts []Fact
	readings := score.Read(r.rec)
	for _, kind := range []score.Kind{score.KindNEWS2, score.KindQSOFA} {
		moments := readings.Moments(kind)
		if len(moments) == 0 {
			continue
		}
		last := scoreAt(readings, kind, moments[len(moments)-1])
		if last.Excluded != score.ExclusionNone {
			continue
		}
		if last.Computable || last.Total > 0 { // "at least 0" says nothing
			facts = append(facts, r.scoreFact(last))
		}
		if f, ok := r.scoreSeries(readings, kind, moments); ok {
			facts = append(facts, f)
		}
	}
	return facts
}

func scoreAt(r *score.Readings, kind score.Kind, at time.Time) score.Result {
	if kind == score.KindQSOFA {
		return r.QSOFA(at, score.Options{})
	}
	return r.NEWS2(at, score.Options{})
}

// scoreFact tells a score with the points of each part, or the least it can be.
func (r *renderer) scoreFact(s score.Result) Fact {
	b, p := r.fact(), r.p
	e := terms.ByName("measure", scoreNames[s.Kind])
	b.addTerm(r.term(e, TermMeasure))
	b.f.Evidence = s.Evidence()
	at := record.DateTime{Time: s.At, Precision: record.PrecisionSecond}
	n := Number{Role: RoleValue, Of: e.Key, At: at}
	least := !s.Computable
	if least {
		n.Comparator = ">="
	}
	total := p.atLeast(b.count(record.NewDecimal(float64(s.Total)), "{score}", n), least)
	b.write(p.computed, r.name(e), p.colon, p.valueAt(total, b.at(at, record.DateTime{})))
	switch {
	case s.Kind == score.KindQSOFA && s.Total >= qsofaPositive:
		limit := b.count(record.NewDecimal(qsofaPositive), "{score}", Number{Role: RoleAlarm, Of: e.Key})
		b.write(p.comma, p.words(p.threshold, limit))
		b.f.Critical = true
	case p.bands[s.Band] != "":
		b.write(p.comma, p.bands[s.Band])
		b.f.Critical = s.Band == score.BandMedium || s.Band == score.BandHigh
	}
	sep := p.semi
	for _, x := range s.Parts {
		if x.Known {
			b.write(sep, b.part(x))
			sep = p.comma
		}
	}
	var missing []string
	for _, name := range s.Missing {
		m := terms.ByName("measure", partNames[name])
		b.addTerm(r.term(m, TermMeasure))
		missing = append(missing, r.name(m))
	}
	if len(missing) > 0 {
		b.write(p.semi, p.unknown, p.colon, strings.Join(missing, p.list))
	}
	return b.done()
}

// part writes one part's points and what they are for.
func (b *builder) part(x score.Part) string {
	p := b.r.p
	e := terms.ByName("measure", partNames[x.Name])
	b.addTerm(b.r.term(e, TermMeasure))
	points := b.count(record.NewDecimal(float64(x.Points)), "{score}", Number{Role: RolePoints, Of: e.Key})
	var what string
	switch {
	case x.Finding == score.FindingAlert:
		v := terms.ByName("value", "alert")
		b.addTerm(b.r.term(v, TermOther))
		what = b.r.name(v)
	case x.Finding != score.FindingNone:
		what = p.findings[x.Finding]
	default:
		at := record.DateTime{Time: x.At, Precision: record.PrecisionSecond}
		what = b.count(record.NewDecimal(x.Value), x.Unit, Number{Role: RoleValue, Of: e.Key, At: at})
		b.listDate(at)
	}
	return p.follow(b.r.name(e), points) + p.paren(what)
}

// scoreSeries tells how a score moved over the moments at which all its parts were known.
func (r *renderer) scoreSeries(readings *score.Readings, kind score.Kind, moments []time.Time) (Fact, bool) {
	if len(moments) > maxMoments {
		thin := make([]time.Time, maxMoments)
		for i := range thin {
			thin[i] = moments[i*(len(moments)-1)/(maxMoments-1)]
		}
		moments = thin
	}
	e := terms.ByName("measure", scoreNames[kind])
	m := &measure{entry: e, concept: record.Concept{Text: e.Name(English)}, group: "score", computed: true}
	var evidence []string
	for _, at := range moments {
		s := scoreAt(readings, kind, at)
		if !s.Computable {
			continue
		}
		evidence = append(evidence, s.Evidence()...)
		m.readings = append(m.readings, reading{
			at: record.DateTime{Time: at, Precision: record.PrecisionSecond},
			value: record.Value{Quantity: &record.Quantity{
				Value: record.NewDecimal(float64(s.Total)), Unit: "{score}", Code: "{score}",
			}},
		})
	}
	if len(m.readings) < 2 {
		return Fact{}, false
	}
	return r.seriesOf(m, evidence), true
}
