package fhir

import (
	"github.com/bedside-lm/bedside/clinical/fhir/internal/tree"
	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/record/measure"
)

// unitAgrees holds a quantity's unit against itself; n is its node. A record has few units,
// so each is judged once.
func (r *reader) unitAgrees(n *tree.Node, q *record.Quantity) {
	const enough = 1000
	as := filedUnit{q.Unit, q.Code}
	f, known := r.units[as]
	if !known {
		if f = measure.CheckUnit(q); len(r.units) < enough {
			r.units[as] = f
		}
	}
	r.found(n, f)
}

// filedUnit is a unit as it stands in a source.
type filedUnit struct{ text, code string }

// checkMeasure holds a reading against what its LOINC code can be; value is its
// quantity's node.
func (r *reader) checkMeasure(value *tree.Node, concept record.Concept, q *record.Quantity) {
	r.found(value, measure.Check(concept, q))
}

func (r *reader) found(n *tree.Node, f *measure.Finding) {
	switch {
	case f == nil:
	case f.Notice != "":
		r.notice(n.Get(f.Field), f.Notice, "%s", f.Message)
	default:
		r.violate(n.Get(f.Field), "%s", f.Message)
	}
}
