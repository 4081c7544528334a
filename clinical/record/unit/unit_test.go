package unit_test

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/clinical/record/unit"
)

func TestSameUnitWrittenDifferently(t *testing.T) {
	for code, texts := range map[string][]string{
		"/min":       {"{beats}/min", "bpm", "beats/minute", "Breaths / min", "次/分", "1/min", "min-1"},
		"mm[Hg]":     {"mmHg", "mm Hg", "毫米汞柱", "Torr", "MMHG"},
		"Cel":        {"°C", "℃", "C", "degrees C", "Cel", "摄氏度"},
		"[degF]":     {"°F", "F", "degF"},
		"10*3/uL":    {"K/uL", "10^3/µL", "x10^3/uL", "×10⁹/L", "×10³/µL", "10*9/L", "10*3/mm3", "thou/uL"},
		"mg/dL":      {"mg/dl", "MG/DL", "mg/(100.mL)", "cg/L"},
		"mmol/L":     {"mEq/L", "meq/L", "mmol/l", "毫摩尔/升", "umol/mL"},
		"U/L":        {"IU/L", "[IU]/L", "u/l", "mU/mL"},
		"ug/kg/min":  {"mcg/kg/min", "mcg/kg/minute", "微克/公斤/分钟", "µg/kg/min", "ug/(kg.min)", "μg/kg/min"},
		"mL/h":       {"ml/hr", "millilitres per hour", "mL/hour", "cm3/h"},
		"%":          {"percent", "%", "10*-2"},
		"cm[H2O]":    {"cmH2O", "cm H2O"},
		"1":          {"{score}", "[pH]", "ratio", "tablet"},
		"kg/m2":      {"kg/m²", "kg/m^2"},
		"uV":         {"µV"},
		"ng/mL{FEU}": {"ug/L", "mcg/L"},
	} {
		want := unit.Must(code)
		for _, text := range texts {
			got, err := unit.Text(text)
			require.NoError(t, err, text)
			require.True(t, got.Equal(want), "%s is %+v, %s is %+v", text, got, code, want)
		}
	}
}

func TestDifferentUnitsDiffer(t *testing.T) {
	for _, pair := range [][2]string{
		{"mm[Hg]", "kPa"}, {"mg/dL", "mmol/L"}, {"Cel", "[degF]"}, {"Cel", "K"}, {"%", "1"},
		{"10*9/L", "10*12/L"}, {"mg", "ug"}, {"U/L", "mmol/L"}, {"/min", "/h"}, {"mmol/L", "10*9/L"},
	} {
		require.False(t, unit.Must(pair[0]).Equal(unit.Must(pair[1])), "%v", pair)
	}
}

func TestConvert(t *testing.T) {
	for _, c := range []struct {
		from, to string
		v, want  float64
	}{
		{"[degF]", "Cel", 98.6, 37},
		{"Cel", "[degF]", 40, 104},
		{"Cel", "K", 0, 273.15},
		{"kPa", "mm[Hg]", 10, 75.0064},
		{"g/dL", "g/L", 9.1, 91},
		{"[lb_av]", "kg", 150, 68.0389},
		{"cm[H2O]", "mm[Hg]", 10, 7.3556},
	} {
		got, ok := unit.Must(c.from).Convert(c.v, unit.Must(c.to))
		require.True(t, ok)
		require.InDelta(t, c.want, got, 1e-3, "%g %s in %s", c.v, c.from, c.to)
	}
	_, ok := unit.Must("mg/dL").Convert(1, unit.Must("mmol/L"))
	require.False(t, ok)
}

func TestNoUnit(t *testing.T) {
	for _, s := range []string{
		"", " ", "zorkmids", "mg/", "/", "mg//dL", "mg.", "(mg", "mg)", "{open", "m[Hg", "mg-", "0", "m99", "m100",
		"Cel2", "Cel.m", "kmin", "m/0", "mmm", "{a{b}}", "°", strings.Repeat("(", 9) + "g" + strings.Repeat(")", 9),
		strings.Repeat("g.", 40) + "g", "m12.m12.m12.m12.m12.m12.m12.m12.m12",
	} {
		_, err := unit.Parse(s)
		require.ErrorIs(t, err, unit.ErrUnknown{}, s)
		_, err = unit.Text(s)
		require.ErrorIs(t, err, unit.ErrUnknown{}, s)
	}
}

// FuzzParse holds that no text panics and that a unit that is read can be used.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"mm[Hg]", "10*-3/uL", "ug/(kg.min)", "{beats}/min", "次/分", "m99", "((g))", "Cel{x}"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, read := range []func(string) (unit.Unit, error){unit.Parse, unit.Text} {
			u, err := read(s)
			if err != nil {
				require.ErrorIs(t, err, unit.ErrUnknown{})
				continue
			}
			require.True(t, u.Equal(u))
			require.False(t, math.IsNaN(u.Factor) || math.IsInf(u.Factor, 0) || u.Factor <= 0, "%q: %v", s, u.Factor)
		}
	})
}
