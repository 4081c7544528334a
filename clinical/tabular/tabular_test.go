package tabular_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/tabular"
)

var update = flag.Bool("update", false, "write the golden files")

const samples = "../../testdata/records/"

func sample(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(samples + name)
	require.NoError(t, err)
	return data
}

// mapping reads a mapping that is right.
func mapping(t testing.TB, text string) *tabular.Mapping {
	t.Helper()
	m, err := tabular.ParseMapping([]byte(text))
	require.NoError(t, err)
	return m
}

// dump writes all that is set in a record, a line each.
func dump(rec *record.PatientRecord) string {
	var b strings.Builder
	value := func(v record.Value) string {
		switch {
		case v.Quantity != nil:
			return fmt.Sprintf("%s%s %s [%s]", v.Quantity.Comparator, v.Quantity.Value, v.Quantity.Unit, v.Quantity.Code)
		case v.AbsentReason != "":
			return "absent: " + v.AbsentReason
		}
		return fmt.Sprintf("%q", v.Text)
	}
	fmt.Fprintf(&b, "patient %s %s %s\n", rec.Patient.ID, rec.Patient.Sex, rec.Patient.BirthDate)
	for _, e := range rec.Encounters {
		fmt.Fprintf(&b, "encounter %s %s %s %s %s\n", e.ID, e.Status, e.Class, e.Start, e.End)
	}
	for _, d := range rec.Devices {
		fmt.Fprintf(&b, "device %s\n", d.ID)
	}
	for _, c := range rec.Conditions {
		fmt.Fprintf(&b, "condition %s %s %v\n", c.ID, c.EncounterID, c.Code)
	}
	for _, o := range rec.Observations {
		fmt.Fprintf(&b, "%s %s %s %s %s %v %s %v", o.ID, o.Category, o.Start, o.EncounterID, o.DeviceID, o.Code, value(o.Value), o.Interpretation)
		if o.Reference != nil {
			for _, q := range []*record.Quantity{o.Reference.Low, o.Reference.High} {
				if q != nil {
					fmt.Fprintf(&b, " | %s", value(record.Value{Quantity: q}))
				} else {
					b.WriteString(" | open")
				}
			}
			b.WriteString(o.Reference.Text)
		}
		b.WriteString("\n")
		for _, c := range o.Components {
			fmt.Fprintf(&b, "  %v %s\n", c.Code, value(c.Value))
		}
	}
	for _, n := range rec.Notices {
		fmt.Fprintf(&b, "notice %s: %s: %s\n", n.Path, n.Kind, n.Message)
	}
	return b.String()
}

func TestSamples(t *testing.T) {
	for _, name := range []string{"vitals", "labs"} {
		t.Run(name, func(t *testing.T) {
			rec, err := tabular.Parse(sample(t, name+".csv"), mapping(t, string(sample(t, name+".mapping.yaml"))), tabular.Limits{})
			require.NoError(t, err)
			golden := filepath.Join("testdata", name+".golden")
			if *update {
				require.NoError(t, os.WriteFile(golden, []byte(dump(rec)), 0o600))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			require.Equal(t, string(want), dump(rec))
		})
	}
}
