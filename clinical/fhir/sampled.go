package fhir

import (
	"bytes"
	"math"
	"strconv"

	"github.com/bedside-lm/bedside/clinical/fhir/internal/tree"
	"github.com/bedside-lm/bedside/clinical/record"
)

// sampledAt reads a FHIR SampledData (R4 section 2.24.0.12).
func (r *reader) sampledAt(c *tree.Node) *record.SampledData {
	if c.Kind != tree.Object {
		r.wrongKind(c, tree.Object)
		return nil
	}
	out := &record.SampledData{Factor: 1, Dimensions: 1}
	if origin := r.simpleQuantity(c, "origin"); origin != nil {
		out.Origin = *origin
	} else if c.Get("origin") == nil {
		r.missing(c, "origin")
	}
	if period, ok := r.decimal(c, "period", required); ok {
		out.PeriodMS = period.Float
		if period.Float <= 0 {
			r.violate(c.Get("period"), "expected a number of milliseconds above 0")
		}
	}
	if factor, ok := r.decimal(c, "factor", optional); ok {
		out.Factor = factor.Float
	}
	r.decimal(c, "lowerLimit", optional)
	r.decimal(c, "upperLimit", optional)
	if d := r.field(c, "dimensions", tree.Number, required); d != nil {
		n, ok := r.integerAt(d)
		if ok && n < 1 {
			r.violate(d, "expected a number above 0")
			return nil
		}
		out.Dimensions = int(max(n, 1))
	}
	if data := r.field(c, "data", tree.String, optional); data != nil {
		out.Samples = r.samples(data)
		if len(out.Samples)%out.Dimensions != 0 {
			r.violate(data, "%d samples do not fill %d dimensions", len(out.Samples), out.Dimensions)
		}
	}
	return out
}

// samples reads decimals, E, L and U, each apart by white space.
func (r *reader) samples(c *tree.Node) []float64 {
	text := c.Raw()
	if bytes.IndexByte(text, '\\') >= 0 {
		text = []byte(c.Text())
	}
	out := make([]float64, 0, min(bytes.Count(text, []byte{' '})+1, r.lim.Samples))
	for i := 0; i < len(text); {
		if space(text[i]) {
			i++
			continue
		}
		end := i
		for end < len(text) && !space(text[end]) {
			end++
		}
		if len(out) >= r.lim.Samples {
			r.exceed(c, "samples", r.lim.Samples)
			return nil
		}
		v, ok := sample(text[i:end])
		if !ok {
			r.violate(c, "sample %d: expected a decimal, E, L or U", len(out))
			return nil
		}
		out = append(out, v)
		i = end
	}
	return out
}

func space(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

func sample(b []byte) (float64, bool) {
	if len(b) == 1 {
		switch b[0] {
		case 'E':
			return math.NaN(), true
		case 'L':
			return math.Inf(-1), true
		case 'U':
			return math.Inf(1), true
		}
	}
	if len(b) > 32 {
		return 0, false
	}
	for _, c := range b { // keeps out what ParseFloat takes and FHIR does not: inf, 0x1p2, 1_0
		if !(c >= '0' && c <= '9' || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E') {
			return 0, false
		}
	}
	v, err := strconv.ParseFloat(string(b), 64)
	return v, err == nil
}
