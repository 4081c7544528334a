package main

import (
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"

	"github.com/bedside-lm/bedside/clinical/terms"
)

// gauge is a measure that notes give values of.
type gauge struct {
	entry     *terms.Entry
	low, high float64
	digits    int
	units     map[terms.Lang][]string // ways to write the unit, with the space before it; "" is none
}

var gauges = sync.OnceValues(func() ([]gauge, error) {
	raw, err := data.ReadFile("data/measures.tsv")
	if err != nil {
		return nil, err
	}
	var out []gauge
	for i, line := range strings.Split(strings.TrimSpace(string(raw)), "\n") {
		f := strings.Split(line+"\t\t", "\t")
		entry := terms.Measure(f[0])
		if i == 0 || entry == nil {
			continue
		}
		g := gauge{entry: entry, units: map[terms.Lang][]string{terms.English: strings.Split(f[4], "|"), terms.Chinese: strings.Split(f[5], "|")}}
		if g.low, err = strconv.ParseFloat(f[1], 64); err != nil {
			return nil, err
		}
		if g.high, err = strconv.ParseFloat(f[2], 64); err != nil {
			return nil, err
		}
		if g.digits, err = strconv.Atoi(f[3]); err != nil {
			return nil, err
		}
		out = append(out, g)
	}
	return out, nil
})

// number draws a value. Low values are as likely as high ones, on the logarithm's scale where the range is wide.
func (g *gauge) number(rng *rand.Rand) string {
	x := rng.Float64()
	v := g.low + x*(g.high-g.low)
	if g.high > 20*g.low {
		v = math.Exp(math.Log(g.low) + x*(math.Log(g.high)-math.Log(g.low)))
	}
	if g.entry == terms.Measure(pressure) {
		return strconv.FormatFloat(v, 'f', 0, 64) + "/" + strconv.FormatFloat(v*(0.45+0.25*rng.Float64()), 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'f', g.digits, 64)
}

const pressure = "85354-9"
