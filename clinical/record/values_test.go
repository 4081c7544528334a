package record_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/clinical/record"
)

func TestDecimalsKeepTheirDigits(t *testing.T) {
	for in, want := range map[string]float64{"7.40": 7.4, "-0.0": 0, "1e3": 1000, "0": 0, "12E-1": 1.2} {
		d, err := record.ParseDecimal(in)
		require.NoError(t, err, in)
		require.InDelta(t, want, d.Float, 0)
		require.Equal(t, in, d.String())
	}
	for _, in := range []string{"", "+1", "01", ".5", "5.", "1e", "0x10", "NaN", "Inf", "1_000", " 1", "1e999", strings.Repeat("1", 33)} {
		_, err := record.ParseDecimal(in)
		require.ErrorIs(t, err, record.ErrDecimal{}, in)
	}
	require.Equal(t, "0.1", record.NewDecimal(0.1).String())
}

func TestDateTimesKeepTheirPrecision(t *testing.T) {
	for in, want := range map[string]record.Precision{
		"": record.PrecisionNone, "1958": record.PrecisionYear, "1958-09": record.PrecisionMonth, "1958-09-02": record.PrecisionDay,
		"2026-03-14T06:00:00+01:00": record.PrecisionSecond, "2026-03-14T06:00:00.25Z": record.PrecisionSecond,
	} {
		d, err := record.ParseDateTime(in)
		require.NoError(t, err, in)
		require.Equal(t, want, d.Precision, in)
		require.Equal(t, in, d.String())
		require.Equal(t, want == record.PrecisionNone, d.IsZero())
	}
	for _, in := range []string{"58", "1958-13", "1958-02-30", "2026-03-14T06:00:00", "2026-03-14 06:00:00Z", "2026-03-14T25:00:00Z", "14.3.2026"} {
		_, err := record.ParseDateTime(in)
		require.ErrorIs(t, err, record.ErrDateTime{}, in)
	}
}

func TestDateTimesAreOrdered(t *testing.T) {
	at := func(s string) record.DateTime {
		d, err := record.ParseDateTime(s)
		require.NoError(t, err)
		return d
	}
	inOrder := []string{"", "1958", "1958-09", "2026-03-14T06:00:00+08:00", "2026-03-14T06:00:00+01:00"}
	for i, a := range inOrder {
		for j, b := range inOrder {
			want := 0
			if i < j {
				want = -1
			} else if i > j {
				want = 1
			}
			require.Equal(t, want, at(a).Compare(at(b)), "%q and %q", a, b)
		}
	}
	require.Equal(t, 0, at("2026-03-14T06:00:00+08:00").Compare(at("2026-03-13T22:00:00Z")), "one moment in two zones")
	require.Equal(t, time.UTC, at("1958").Time.Location())
}

func TestConceptsHaveALabel(t *testing.T) {
	loinc := record.Coding{System: record.SystemLOINC, Code: "8867-4"}
	shown := record.Coding{System: record.SystemIEEE11073, Code: "147842", Display: "MDC_ECG_HEART_RATE"}
	for want, c := range map[string]record.Concept{
		"Pulse":              {Text: "Pulse", Codings: []record.Coding{shown}},
		"MDC_ECG_HEART_RATE": {Codings: []record.Coding{loinc, shown}},
		"8867-4":             {Codings: []record.Coding{loinc}},
		"":                   {},
	} {
		require.Equal(t, want, c.Label())
		require.Equal(t, want == "", c.IsZero())
	}
	both := record.Concept{Codings: []record.Coding{loinc, shown}}
	require.Equal(t, "147842", both.Code(record.SystemIEEE11073))
	require.Empty(t, both.Code(record.SystemSNOMED))
}

func TestErrorsNameThePath(t *testing.T) {
	err := error(&record.InvalidError{Violations: []record.Violation{{Path: "a.b", Message: "required"}, {Path: "c", Message: "empty"}}})
	require.EqualError(t, err, "a.b: required; c: empty")
	require.EqualError(t, &record.LimitError{Path: "Bundle", What: "entries", Limit: 3}, "Bundle: more than 3 entries")
}

// FuzzValues holds that what is read is written back as it was, and read again the same.
func FuzzValues(f *testing.F) {
	for _, s := range []string{"7.40", "-1e-9", "1958", "2026-03-14T06:00:00.250+08:00", "0000-01-01T00:00:00Z", "1e999"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := record.ParseDecimal(s)
		if err == nil && (d.String() != s || math.IsNaN(d.Float) || math.IsInf(d.Float, 0)) {
			t.Fatalf("%q became %+v", s, d)
		} else if err != nil && !errors.Is(err, record.ErrDecimal{}) {
			t.Fatalf("%q: %v", s, err)
		}
		at, err := record.ParseDateTime(s)
		if err != nil {
			return
		}
		again, err := record.ParseDateTime(at.String())
		if err != nil || again.Compare(at) != 0 || again.Precision != at.Precision {
			t.Fatalf("%q became %v, then %v (%v)", s, at, again, err)
		}
	})
}
