package signal

import (
	"strconv"
	"strings"
	"unicode"

	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/record/unit"
	"github.com/bedside-lm/bedside/clinical/terms"
)

// The kinds of what is no waveform; see Describer.
const (
	KindImage Kind = "image"
	KindSound Kind = "sound"
)

// String returns the kind's name, "unknown" for KindUnknown.
func (k Kind) String() string {
	if k == KindUnknown {
		return "unknown"
	}
	return string(k)
}

// KindOf says what a waveform is of, by its code, else by its label as filed, such as "MLII",
// "ECG V2", "PLETH" or "ABP". unit is its UCUM code, or "".
//
// A wrong kind would have heart beats counted in a brain wave, so what is not certain is
// KindUnknown: labels of EEG, EMG and their like, rates and saturations that are filed as
// waveforms, pressures that may be venous, and labels whose unit contradicts them.
func KindOf(label string, code record.Concept, unit string) Kind {
	for _, c := range code.Codings {
		if k := kindOfCode(c); k != KindUnknown {
			return k
		}
	}
	if k := kindOfLabel(label, unit); k != KindUnknown {
		return k
	}
	texts := []string{code.Text}
	for _, c := range code.Codings {
		texts = append(texts, c.Display)
	}
	for _, t := range texts {
		if k := kindOfLabel(t, unit); k != KindUnknown {
			return k
		}
	}
	return KindUnknown
}

// mdcKinds are codes of ISO/IEEE 11073-10101, partition 2 (SCADA): 131072 and the term's code.
var mdcKinds = map[int]Kind{
	150452: KindPPG,         // MDC_PULS_OXIM_PLETH
	151552: KindRespiration, // MDC_RESP
	151764: KindRespiration, // MDC_FLOW_AWAY
	151768: KindRespiration, // MDC_FLOW_AWAY_EXP
	151772: KindRespiration, // MDC_FLOW_AWAY_INSP
	151780: KindRespiration, // MDC_IMPED_TTHOR
	151700: KindCO2,         // MDC_CONC_AWAY_CO2
	151724: KindCO2,         // MDC_AWAY_CO2
	151892: KindCO2,         // MDC_VENT_CONC_AWAY_CO2
	151924: KindCO2,         // MDC_VENT_AWAY_CO2
	150028: KindABP,         // MDC_PRESS_BLD_AORT
	150032: KindABP,         // MDC_PRESS_BLD_ART
	150036: KindABP,         // MDC_PRESS_BLD_ART_ABP
	150056: KindABP,         // MDC_PRESS_BLD_ART_UMB
}

// mdcNames are the reference identifiers of the same terms, where devices send those.
var mdcNames = map[string]Kind{
	"MDC_PULS_OXIM_PLETH": KindPPG, "MDC_PLETH": KindPPG,
	"MDC_RESP": KindRespiration, "MDC_FLOW_AWAY": KindRespiration, "MDC_FLOW_AWAY_EXP": KindRespiration,
	"MDC_FLOW_AWAY_INSP": KindRespiration, "MDC_IMPED_TTHOR": KindRespiration,
	"MDC_CONC_AWAY_CO2": KindCO2, "MDC_AWAY_CO2": KindCO2, "MDC_VENT_CONC_AWAY_CO2": KindCO2, "MDC_VENT_AWAY_CO2": KindCO2,
	"MDC_PRESS_BLD_AORT": KindABP, "MDC_PRESS_BLD_ART": KindABP, "MDC_PRESS_BLD_ART_ABP": KindABP, "MDC_PRESS_BLD_ART_UMB": KindABP,
}

// loincKinds are LOINC codes of electrocardiograms; LOINC has none of the other waveforms.
var loincKinds = map[string]Kind{"11524-6": KindECG, "34534-8": KindECG, "28010-7": KindECG}

func kindOfCode(c record.Coding) Kind {
	switch c.System {
	case record.SystemLOINC:
		return loincKinds[c.Code]
	case record.SystemIEEE11073, "":
		if k := kindOfMDCName(c.Code); k != KindUnknown {
			return k
		}
		n, err := strconv.Atoi(c.Code)
		if err != nil {
			return KindUnknown
		}
		if n >= 131328 && n < 131584 { // MDC_ECG_ELEC_POTL, one code a lead
			return KindECG
		}
		return mdcKinds[n]
	}
	return KindUnknown
}

func kindOfMDCName(name string) Kind {
	if strings.HasPrefix(name, "MDC_ECG_ELEC_POTL") || strings.HasPrefix(name, "MDC_ECG_LEAD_") {
		return KindECG
	}
	return mdcNames[name]
}

// Words of labels, as WFDB records and EDF files use them (https://www.edfplus.info/specs/edftexts.html
// lists EDF's), in upper case.
var (
	// otherWords say that the signal is of another kind, or no waveform, whatever else the label says.
	otherWords = words("EEG EOG EMG ERG MEG MCG EP NIRS TEMP EVENT EVENTS SNORE SOUND POS RATE SYS DIA MEAN NUMERIC ANNOTATIONS " +
		"PAP CVP ICP LAP RAP NIBP PAW ETCO2 HR RR PR QUALITY STATUS")
	ecgWords = words("ECG EKG ML1 ML2 ML3 MLI MLII MLIII AVR AVL AVF CM2 CM4 CM5 CC5 " +
		"MV1 MV2 MV3 MV4 MV5 MV6 MCL MCL1 MCL2 MCL3 MCL4 MCL5 MCL6 D3 D4")
	// leadWords are leads' names that are too short to be trusted against their unit.
	leadWords = words("I II III V V1 V2 V3 V4 V5 V6 V7 V8 V9 V2R V3R V4R V5R V6R V7R VX VY VZ")
	ppgWords  = words("PPG PHOTOPLETH PHOTOPLETHYSMOGRAM")
	respWords = words("RESP RESPIRATION THOR THORAX THORACIC CHEST ABDO ABDOMEN ABDOMINAL NASAL AIRFLOW FLOW IMPEDANCE")
	co2Words  = words("CO2 CAPNO CAPNOGRAM CAPNOGRAPH")
	abpWords  = words("ABP ART AO AORT AORTA UAP BP ARTERIAL")
)

func words(s string) map[string]bool {
	out := map[string]bool{}
	for _, w := range strings.Fields(s) {
		out[w] = true
	}
	return out
}

var (
	voltage  = unit.Must("V").Dim
	pressure = unit.Must("mm[Hg]").Dim
)

// kindOfLabel takes the first word of a label that says a kind.
func kindOfLabel(label, code string) Kind {
	if len(label) > 200 {
		return KindUnknown
	}
	if strings.HasPrefix(label, "MDC_") {
		return kindOfMDCName(label)
	}
	parts := strings.FieldsFunc(strings.ToUpper(label), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	for _, p := range parts {
		if otherWords[p] {
			return KindUnknown
		}
	}
	for _, p := range parts {
		if k := kindOfWord(p, code); k != KindUnknown {
			return k
		}
	}
	return KindUnknown
}

func kindOfWord(w, code string) Kind {
	bare := strings.TrimRight(w, "0123456789")
	switch {
	case ecgWords[w], bare == "ECG", bare == "EKG", leadWords[w]:
		if allows(code, voltage) {
			return KindECG
		}
	case ppgWords[bare], strings.HasPrefix(w, "PLETH"):
		return KindPPG
	case co2Words[w]:
		return KindCO2
	case respWords[bare]:
		return KindRespiration
	case abpWords[bare]:
		if allows(code, pressure) {
			return KindABP
		}
	}
	return KindUnknown
}

// allows says whether a unit is none, or of what it should measure.
func allows(code string, what unit.Dimension) bool {
	if code == "" {
		return true
	}
	u, err := unit.Parse(code)
	return err == nil && u.Dim == what
}

// UnitCode returns the UCUM code of a unit as a signal file writes it ("mmHg", "µV"), or ""
// where it has none, as "NU" for normalised units.
func UnitCode(text string) string {
	text = strings.TrimSpace(text)
	if u := terms.UnitByCode(text); u != nil {
		return u.Code
	}
	u, err := unit.Text(text)
	if err != nil {
		return ""
	}
	for _, code := range []string{"uV", "V", "Ohm", "kOhm", "L/s", "mL/s"} {
		if unit.Must(code).Equal(u) {
			return code
		}
	}
	if _, err := unit.Parse(text); err == nil {
		return text
	}
	for _, t := range terms.Units() {
		if known, err := unit.Parse(t.Code); err == nil && known.Equal(u) {
			return t.Code
		}
	}
	return ""
}
