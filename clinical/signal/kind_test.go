package signal_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/signal"
)

func mdc(code, display string) record.Concept {
	return record.Concept{Codings: []record.Coding{{System: record.SystemIEEE11073, Code: code, Display: display}}}
}

func TestKindOf(t *testing.T) {
	none := record.Concept{}
	for _, c := range []struct {
		label string
		code  record.Concept
		unit  string
		want  signal.Kind
	}{
		{"MLII", none, "mV", signal.KindECG},
		{"ECG", none, "", signal.KindECG},
		{"ECG1", none, "mV", signal.KindECG},
		{"ECG V2R", none, "uV", signal.KindECG},
		{"EKG lead II", none, "mV", signal.KindECG},
		{"avF", none, "mV", signal.KindECG},
		{"II+", none, "mV", signal.KindECG},
		{"V5", none, "", signal.KindECG},
		{"vx", none, "mV", signal.KindECG},
		{"心电图 ECG", none, "mV", signal.KindECG},
		{"PLETH", none, "", signal.KindPPG},
		{"PLETH,", none, "V", signal.KindPPG},
		{"SpO2 Pleth", none, "", signal.KindPPG},
		{"RESP", none, "Ohm", signal.KindRespiration},
		{"Resp oro-nasal", none, "", signal.KindRespiration},
		{"THOR RES", none, "", signal.KindRespiration},
		{"Flow", none, "L/s", signal.KindRespiration},
		{"CO2", none, "mm[Hg]", signal.KindCO2},
		{"ABP", none, "mm[Hg]", signal.KindABP},
		{"ART", none, "kPa", signal.KindABP},

		{"", mdc("131330", "MDC_ECG_ELEC_POTL_II"), "mV", signal.KindECG},
		{"anything", mdc("131389", ""), "", signal.KindECG},
		{"", mdc("MDC_ECG_ELEC_POTL_AVF", ""), "", signal.KindECG},
		{"MDC_IMPED_TTHOR", none, "", signal.KindRespiration},
		{"", mdc("150452", ""), "", signal.KindPPG},
		{"", mdc("151724", ""), "", signal.KindCO2},
		{"", mdc("150036", ""), "", signal.KindABP},
		{"", record.Concept{Codings: []record.Coding{{System: record.SystemLOINC, Code: "11524-6"}}}, "", signal.KindECG},
		{"", record.Concept{Text: "ECG lead II"}, "mV", signal.KindECG},

		{"EEG Fpz-Cz", none, "uV", signal.KindUnknown},
		{"EEG V1", none, "uV", signal.KindUnknown},
		{"EMG submental", none, "uV", signal.KindUnknown},
		{"EMG chest", none, "uV", signal.KindUnknown},
		{"Resp rate", none, "/min", signal.KindUnknown},
		{"SpO2", none, "%", signal.KindUnknown},
		{"SaO2 artery", none, "%", signal.KindUnknown},
		{"CVP", none, "mm[Hg]", signal.KindUnknown},
		{"ABP mean", none, "mm[Hg]", signal.KindUnknown},
		{"ABP", none, "mV", signal.KindUnknown},
		{"II", none, "mm[Hg]", signal.KindUnknown},
		{"", mdc("150016", "MDC_PRESS_BLD"), "mm[Hg]", signal.KindUnknown},
		{"", mdc("147842", "MDC_ECG_HEART_RATE"), "/min", signal.KindUnknown},
		{"", none, "", signal.KindUnknown},
		{"record 1", none, "", signal.KindUnknown},
	} {
		require.Equal(t, c.want, signal.KindOf(c.label, c.code, c.unit), "%q %v %q", c.label, c.code, c.unit)
	}
}

func TestUnitCode(t *testing.T) {
	for text, want := range map[string]string{
		"mV": "mV", "uV": "uV", "µV": "uV", "V": "V", "mmHg": "mm[Hg]", "mm[Hg]": "mm[Hg]", "cmH2O": "cm[H2O]", "%": "%",
		"bpm": "/min", "Ohm": "Ohm", "NU": "", "": "", "wibble": "",
	} {
		require.Equal(t, want, signal.UnitCode(text), text)
	}
}

// FuzzKindOf holds that no label, code or unit makes the look-ups panic, that a code of an ECG
// lead is believed over any label, and that a unit's code is its own.
func FuzzKindOf(f *testing.F) {
	f.Add("MLII", "131330", "mV")
	f.Add("ABP mean", "", "mmHg")
	f.Add("心电图", "MDC_IMPED_TTHOR", "µV")
	f.Fuzz(func(t *testing.T, label, code, unit string) {
		ucum := signal.UnitCode(unit)
		if signal.UnitCode(ucum) != ucum {
			t.Fatalf("%q gives %q, which gives %q", unit, ucum, signal.UnitCode(ucum))
		}
		signal.KindOf(label, mdc(code, ""), ucum)
		if k := signal.KindOf(label, mdc("131330", ""), ucum); k != signal.KindECG {
			t.Fatalf("%q: %s", label, k)
		}
	})
}
