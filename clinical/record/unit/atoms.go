package unit

import "math"

type atom struct {
	Unit
	metric bool // takes a prefix
}

func metric(factor float64, d Dimension) atom { return atom{Unit{Dim: d, Factor: factor}, true} }
func plain(factor float64, d Dimension) atom  { return atom{Unit{Dim: d, Factor: factor}, false} }

var (
	number   = Dimension{}
	length   = Dimension{Length: 1}
	mass     = Dimension{Mass: 1}
	period   = Dimension{Time: 1}
	volume   = Dimension{Length: 3}
	pressure = Dimension{Mass: 1, Length: -1, Time: -2}
	energy   = Dimension{Mass: 1, Length: 2, Time: -2}
	voltage  = Dimension{Mass: 1, Length: 2, Time: -3, Current: -1}
)

// prefixes are the metric prefixes (UCUM table 1) in clinical use.
var prefixes = map[string]float64{
	"T": 1e12, "G": 1e9, "M": 1e6, "k": 1e3, "h": 1e2, "da": 1e1,
	"d": 1e-1, "c": 1e-2, "m": 1e-3, "u": 1e-6, "n": 1e-9, "p": 1e-12, "f": 1e-15,
}

// atoms are UCUM's unit atoms in clinical use (UCUM tables 2 to 23). Mass counts
// in grams, so the derived SI units carry a factor of 1,000.
var atoms = map[string]atom{
	"m": metric(1, length), "g": metric(1, mass), "s": metric(1, period),
	"K":   metric(1, Dimension{Temperature: 1}),
	"A":   metric(1, Dimension{Current: 1}),
	"mol": metric(1, Dimension{Amount: 1}), "eq": metric(1, Dimension{Amount: 1}), "osm": metric(1, Dimension{Amount: 1}),
	"U": metric(1, Dimension{Activity: 1}), "[IU]": metric(1, Dimension{Activity: 1}), "[iU]": metric(1, Dimension{Activity: 1}),
	"kat": metric(1, Dimension{Amount: 1, Time: -1}),

	"L": metric(1e-3, volume), "l": metric(1e-3, volume),
	"Hz":  metric(1, Dimension{Time: -1}),
	"N":   metric(1e3, Dimension{Mass: 1, Length: 1, Time: -2}),
	"dyn": metric(1e-2, Dimension{Mass: 1, Length: 1, Time: -2}),
	"Pa":  metric(1e3, pressure), "bar": metric(1e8, pressure), "m[Hg]": metric(133322e3, pressure), "m[H2O]": metric(9806650, pressure),
	"J": metric(1e3, energy), "cal": metric(4184, energy),
	"W":   metric(1e3, Dimension{Mass: 1, Length: 2, Time: -3}),
	"V":   metric(1e3, voltage),
	"Ohm": metric(1e3, Dimension{Mass: 1, Length: 2, Time: -3, Current: -2}),
	"C":   metric(1, Dimension{Current: 1, Time: 1}),
	"t":   metric(1e6, mass), "rad": metric(1, number),

	"Cel":    {Unit{Dim: Dimension{Temperature: 1}, Factor: 1, Offset: 273.15}, true},
	"[degF]": {Unit{Dim: Dimension{Temperature: 1}, Factor: 5.0 / 9, Offset: 459.67 * 5 / 9}, false},

	"min": plain(60, period), "h": plain(3600, period), "d": plain(86400, period), "wk": plain(604800, period),
	"mo": plain(2629800, period), "a": plain(31557600, period),
	"atm": plain(101325e3, pressure), "[psi]": plain(6894757.29, pressure),
	"[in_i]": plain(0.0254, length), "[ft_i]": plain(0.3048, length),
	"[lb_av]": plain(453.59237, mass), "[oz_av]": plain(28.349523125, mass), "[gr]": plain(0.06479891, mass),
	"[drp]": plain(5e-8, volume), "[foz_us]": plain(2.95735295625e-5, volume),

	"%": plain(1e-2, number), "[ppm]": plain(1e-6, number), "[ppth]": plain(1e-3, number), "[ppb]": plain(1e-9, number),
	"10*": plain(10, number), "10^": plain(10, number), "[pH]": plain(1, number),
	"deg": plain(math.Pi/180, number), "[arb'U]": plain(1, number), "[CFU]": plain(1, number), "[cfu]": plain(1, number),
	"[HPF]": plain(1, number), "[LPF]": plain(100, number), // microscope fields
}
