package diagnosis_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/clinical/diagnosis"
	"github.com/bedside-lm/bedside/clinical/prepare/features"
)

const goodFit = `{"temperature": {"1": 2, "24": 1.5}, "threshold": 0.2, "codes": ["A41.9", "J18.9", "I50.9"]}`

func TestParseFit(t *testing.T) {
	fit, err := diagnosis.ParseFit([]byte(goodFit))
	require.NoError(t, err)
	require.Equal(t, &diagnosis.Fit{
		Temperature: map[features.Window]float64{features.FirstHour: 2, features.FirstDay: 1.5}, Threshold: 0.2,
		Codes: []string{"A41.9", "J18.9", "I50.9"},
	}, fit)
	for change, want := range map[[2]string]string{
		{`"threshold": 0.2,`, ``}:                 "threshold",
		{`0.2`, `1.2`}:                            "threshold",
		{`"24": 1.5`, `"24": 0`}:                  "temperature.24",
		{`{"1": 2,`, `{`}:                         "temperature.1",
		{`"J18.9"`, `"A41.9"`}:                    "codes[1]",
		{`"J18.9"`, `"Q99.x"`}:                    "codes[1]",
		{`"A41.9", "J18.9", "I50.9"`, ``}:         "from 2 to",
		{`]}`, `]} {}`}:                           "goes on",
		{`{"temperature"`, `["temperature"`}:      "JSON object",
		{`]}`, `]}` + strings.Repeat(" ", 70000)}: "larger",
	} {
		_, err := diagnosis.ParseFit([]byte(strings.Replace(goodFit, change[0], change[1], 1)))
		require.ErrorContains(t, err, want)
	}
}

func FuzzParseFit(f *testing.F) {
	f.Add([]byte(goodFit))
	f.Add([]byte(`{"temperature": {"1": 1e309}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		fit, err := diagnosis.ParseFit(data)
		if err != nil {
			require.Nil(t, fit)
			return
		}
		require.GreaterOrEqual(t, len(fit.Codes), 2)
		for _, code := range fit.Codes {
			require.NotNil(t, diagnosis.Entry(code))
		}
	})
}
