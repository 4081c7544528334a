package htmlreport

import (
	"strconv"
	"strings"

	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/score"
	"github.com/bedside-lm/bedside/clinical/terms"
)

// scores are the early-warning score where it was highest, and the latest.
type scores struct {
	Columns []scoreColumn
	Rows    []scoreRow
}

type scoreColumn struct{ What, At, Total string }

type scoreRow struct {
	Part  string
	Cells []scoreCell
}

type scoreCell struct {
	fact

	Points string
	Known  bool
}

// partNames are the names of the table of terms.
var partNames = map[score.PartName]string{
	score.PartRespiratoryRate: "respiratory rate", score.PartOxygenSaturation: "oxygen saturation",
	score.PartOxygen: "supplemental oxygen", score.PartSystolic: "systolic blood pressure", score.PartPulse: "heart rate",
	score.PartConsciousness: "level of consciousness", score.PartTemperature: "body temperature",
}

// scoresOf computes NEWS2; nil where nothing of it was measured, or where it does not apply.
func scoresOf(rec *record.PatientRecord, w *words, l *links) *scores {
	readings := score.Read(rec)
	moments := readings.Moments(score.KindNEWS2)
	if len(moments) == 0 {
		return nil
	}
	latest := readings.NEWS2(moments[len(moments)-1], score.Options{})
	if latest.Excluded != score.ExclusionNone {
		return nil
	}
	highest := latest
	for _, at := range moments {
		if s := readings.NEWS2(at, score.Options{}); s.Total > highest.Total {
			highest = s
		}
	}
	lang := terms.English
	if w == &chinese {
		lang = terms.Chinese
	}
	out := &scores{}
	for i := range latest.Parts {
		name := string(latest.Parts[i].Name)
		if e := terms.ByName("measure", partNames[latest.Parts[i].Name]); e != nil {
			name = e.Name(lang)
		}
		out.Rows = append(out.Rows, scoreRow{Part: name})
	}
	all := []score.Result{highest, latest}
	titles := []string{w.Highest, w.Latest}
	if highest.At.Equal(latest.At) {
		all, titles = all[1:], titles[1:]
	}
	for i, s := range all {
		total := strconv.Itoa(s.Total)
		if !s.Computable {
			total = w.AtLeast + total
		}
		out.Columns = append(out.Columns, scoreColumn{titles[i], s.At.Format("2006-01-02 15:04"), total})
		for j := range s.Parts {
			out.Rows[j].Cells = append(out.Rows[j].Cells, cellOf(&s.Parts[j], w, l))
		}
	}
	return out
}

func cellOf(p *score.Part, w *words, l *links) scoreCell {
	if !p.Known {
		return scoreCell{fact: fact{Text: w.NotKnown}}
	}
	text := w.finding[p.Finding]
	if text == "" {
		text = strings.TrimSpace(short(p.Value) + " " + unitText(p.Unit, w))
	}
	return scoreCell{fact: l.claim("n", text, p.Readings, ""), Points: strconv.Itoa(p.Points), Known: true}
}

func unitText(code string, w *words) string {
	u := terms.UnitByCode(code)
	switch {
	case u == nil:
		return code
	case w == &chinese:
		return u.Display[terms.Chinese]
	}
	return u.Display[terms.English]
}
