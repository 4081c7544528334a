package measure

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/clinical/record"
)

func quantity(value float64, unit, code string) *record.Quantity {
	return &record.Quantity{Value: record.NewDecimal(value), Unit: unit, Code: code}
}

func TestCheckUnit(t *testing.T) {
	for name, c := range map[string]struct {
		q     *record.Quantity
		field string
		kind  record.NoticeKind
	}{
		"agree":            {quantity(80, "mmHg", "mm[Hg]"), "", ""},
		"contradict":       {quantity(80, "kPa", "mm[Hg]"), "unit", ""},
		"mass and amount":  {quantity(80, "mg/dL", "mmol/L"), "unit", ""},
		"code unknown":     {quantity(80, "mmHg", "mm[Zz]"), "code", record.NoticeUnknownUnit},
		"text unknown":     {quantity(80, "blobs", ""), "unit", record.NoticeUnknownUnit},
		"unknown but code": {quantity(80, "blobs", "mm[Hg]"), "", ""},
		"none":             {quantity(80, "", ""), "", ""},
	} {
		f := CheckUnit(c.q)
		if c.field == "" {
			require.Nil(t, f, name)
			continue
		}
		require.NotNil(t, f, name)
		require.Equal(t, c.field, f.Field, name)
		require.Equal(t, c.kind, f.Notice, name)
	}
}

func TestCheck(t *testing.T) {
	loinc := func(code string) record.Concept {
		return record.Concept{Codings: []record.Coding{{System: record.SystemLOINC, Code: code}}}
	}
	for name, c := range map[string]struct {
		code  string
		q     *record.Quantity
		field string
		kind  record.NoticeKind
	}{
		"heart rate":                {"8867-4", quantity(80, "/min", "/min"), "", ""},
		"heart rate in mmol/L":      {"8867-4", quantity(80, "mmol/L", "mmol/L"), "code", ""},
		"in mmol/L, text alone":     {"8867-4", quantity(80, "mmol/L", ""), "unit", ""},
		"negative heart rate":       {"8867-4", quantity(-3, "/min", "/min"), "value", record.NoticeImplausible},
		"oxygen saturation of 140%": {"2708-6", quantity(140, "%", "%"), "value", record.NoticeImplausible},
		"temperature in Fahrenheit": {"8310-5", quantity(101, "[degF]", "[degF]"), "", ""},
		"shock is possible":         {"8480-6", quantity(40, "mmHg", "mm[Hg]"), "", ""},
		"unknown code":              {"0000-0", quantity(-3, "/min", "/min"), "", ""},
		"unknown unit":              {"8867-4", quantity(80, "blobs", ""), "", ""},
		"no quantity":               {"8867-4", nil, "", ""},
	} {
		f := Check(loinc(c.code), c.q)
		if c.field == "" {
			require.Nil(t, f, name)
			continue
		}
		require.NotNil(t, f, name)
		require.Equal(t, c.field, f.Field, name)
		require.Equal(t, c.kind, f.Notice, name)
	}
}
