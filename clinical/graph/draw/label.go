package draw

import (
	"bytes"
	"fmt"
	"strings"

	"golang.org/x/text/width"

	"github.com/bedside-lm/bedside/clinical/graph"
	"github.com/bedside-lm/bedside/clinical/terms"
)

// kinds are the names of kinds, of those that have a colour or no name of their own.
var kinds = map[graph.Kind][2]string{
	graph.KindPatient: {"patient", "患者"}, graph.KindEncounter: {"encounter", "就诊"}, graph.KindReading: {"reading", "测量"},
	graph.KindCondition: {"condition", "病情"}, graph.KindMedication: {"medication", "用药"}, graph.KindDevice: {"device", "设备"},
	graph.KindAllergy: {"allergy", "过敏"}, graph.KindDiagnosis: {"diagnosis", "诊断"}, graph.KindDrug: {"drug", "药物"},
	graph.KindDrugClass: {"drug class", "药物类别"}, graph.KindFinding: {"finding", "异常"}, graph.KindMeasure: {"measure", "检测项目"},
	graph.KindAllergen: {"allergen", "过敏原"},
}

// legendOrder is that of the colours' explanations.
var legendOrder = [][]graph.Kind{
	{graph.KindPatient}, {graph.KindDiagnosis, graph.KindCondition}, {graph.KindFinding}, {graph.KindMeasure, graph.KindReading},
	{graph.KindDrug, graph.KindMedication}, {graph.KindDrugClass}, {graph.KindAllergen, graph.KindAllergy},
}

func kindName(k graph.Kind, lang terms.Lang) string {
	names, ok := kinds[k]
	switch {
	case !ok:
		return strings.ReplaceAll(string(k), "-", " ")
	case lang == terms.Chinese:
		return names[1]
	}
	return names[0]
}

// name gives every node that is shown its label. What was filed about a patient has no name: it is called by what it is of
// and its value where the picture knows that, else by its kind and the beginning of its digest.
func (p *picture) name() {
	of, value := map[string]string{}, map[string]string{}
	for i := range p.triples {
		switch t := &p.triples[i]; t.Predicate {
		case graph.Of:
			of[t.Subject] = t.Object
		case graph.MeasuredAs:
			value[t.Subject] = t.Value.Text
		default:
		}
	}
	for _, ids := range p.tree.rings {
		for _, id := range ids {
			text := id
			n := p.nodes[id]
			switch {
			case n == nil:
			case !n.Kind.Personal() || n.Name(p.lang) != id:
				text = n.Name(p.lang)
			case p.nodes[of[id]] != nil:
				text = strings.TrimSpace(p.nodes[of[id]].Name(p.lang) + " " + value[id])
			default:
				_, digest, _ := strings.Cut(id, "/")
				if text = kindName(n.Kind, p.lang); digest != string(n.Kind) {
					text += " " + string([]rune(digest)[:min(len([]rune(digest)), 8)])
				}
			}
			if runes := []rune(text); len(runes) > maxLabel {
				text = string(runes[:maxLabel-1]) + "…"
			}
			p.labels[id] = text
		}
	}
}

// legend explains the colours that are in the picture, below it, and counts what there was no room for. It gives the room
// that it takes.
func (p *picture) legend(out *bytes.Buffer) float64 {
	there := map[graph.Kind]bool{}
	for id := range p.labels {
		if n := p.nodes[id]; n != nil {
			there[n.Kind] = true
		}
	}
	x, y := p.left, p.bottom+2*fontSize
	for _, group := range legendOrder {
		var names []string
		for _, k := range group {
			if there[k] {
				names = append(names, kindName(k, p.lang))
			}
		}
		if len(names) == 0 {
			continue
		}
		fill := `class="bg-ink"`
		if c := colours[group[0]]; c != "" {
			fill = fmt.Sprintf(`fill="%s"`, c)
		}
		text := strings.Join(names, ", ")
		if w := 2*radius + textWidth(text, fontSize) + 22; x+w > p.right && x > p.left {
			x, y = p.left, y+1.5*fontSize
		}
		fmt.Fprintf(out, `<rect x="%.1f" y="%.1f" width="9" height="9" rx="4.5" %s/><text x="%.1f" y="%.1f" class="bg-soft">%s</text>`+"\n", x, y-8, fill, x+13, y, escape(text))
		x += 2*radius + textWidth(text, fontSize) + 22
	}
	if p.tree.left > 0 {
		fmt.Fprintf(out, `<text x="%.1f" y="%.1f" class="bg-soft">+%d</text>`+"\n", x, y, p.tree.left)
	}
	return y - p.bottom
}

// textWidth is about how wide a text is, in pixels: rather more than less, since fonts differ.
func textWidth(text string, size float64) float64 {
	ems := 0.0
	for _, r := range text {
		switch k := width.LookupRune(r).Kind(); {
		case k == width.EastAsianWide || k == width.EastAsianFullwidth:
			ems++
		case strings.ContainsRune("iljtfI.,:;|!' ()[]/", r):
			ems += 0.4
		case strings.ContainsRune("mwMW%@", r) || r >= 'A' && r <= 'Z':
			ems += 0.85
		default:
			ems += 0.62
		}
	}
	return ems * size
}
