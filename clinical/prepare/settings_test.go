package prepare

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/clinical/record/unit"
	"github.com/bedside-lm/bedside/clinical/terms"
)

func TestSettingsAreSound(t *testing.T) {
	both, err := loadSettings()
	require.NoError(t, err)
	all := map[string]*limits{}
	for key, l := range both.any {
		if l.listed {
			all[key], all[key+" of an adult"] = l, both.adult[key]
		}
	}
	require.GreaterOrEqual(t, len(all), 2*150)
	for key, l := range all {
		require.Contains(t, []kind{"", kindSet, kindSum}, l.kind)
		require.Less(t, l.softLow, l.softHigh, key)
		require.LessOrEqual(t, l.hardLow, l.softLow, key)
		require.GreaterOrEqual(t, l.hardHigh, l.softHigh, key)
		require.Positive(t, l.scale, key)
	}
	for _, e := range terms.Entries() {
		l := all[e.Key]
		if l == nil {
			continue
		}
		for _, b := range []*terms.Bounds{e.Male, e.Female} {
			if b == nil {
				continue
			}
			if b.Low != nil {
				require.True(t, l.plausible(*b.Low), "%s: the reference range lies within what is plausible", e.Key)
			}
			if b.High != nil {
				require.True(t, l.plausible(*b.High), "%s: the reference range lies within what is plausible", e.Key)
			}
		}
	}
}

func TestConversions(t *testing.T) {
	for name, c := range map[string]struct {
		loinc string
		value float64
		from  string
		want  float64
	}{
		"glucose":         {"2345-7", 5.55, "mmol/L", 100},
		"creatinine":      {"2160-0", 88.4, "umol/L", 1.0},
		"lactate by mass": {"2524-7", 18, "mg/dL", 2.0},
		"haemoglobin":     {"718-7", 130, "g/L", 13},
		"temperature":     {"8310-5", 98.6, "[degF]", 37},
		"pressure":        {"2019-8", 5.33, "kPa", 40},
		"saturation":      {"2708-6", 0.97, "1", 97},
		"platelets":       {"777-3", 150000, "/uL", 150},
		"urea nitrogen":   {"3094-0", 5, "mmol/L", 14.0},
		"bilirubin":       {"1975-2", 17.1, "umol/L", 1.0},
	} {
		l := settings().any[terms.Measure(c.loinc).Key]
		got, ok := l.convert(c.value, unit.Must(c.from))
		require.True(t, ok, name)
		require.InEpsilon(t, c.want, got, 0.01, name)
	}
	_, ok := settings().any[terms.Measure("8867-4").Key].convert(1, unit.Must("mmol/L"))
	require.False(t, ok)
}
