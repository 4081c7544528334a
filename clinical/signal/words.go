package signal

import (
	"math"
	"strconv"

	"github.com/bedside-lm/bedside/clinical/terms"
)

// phrase is a text in both languages. Places for arguments are the same, in the same order.
type phrase struct{ en, zh string }

func (p phrase) in(lang terms.Lang) string {
	if lang == terms.Chinese {
		return p.zh
	}
	return p.en
}

// kindNames are the kinds of waveform.
var kindNames = map[Kind]phrase{
	KindECG: {"Electrocardiogram", "心电图"}, KindPPG: {"Photoplethysmogram", "光电容积脉搏波"},
	KindRespiration: {"Breathing curve", "呼吸波形"}, KindCO2: {"Capnogram", "二氧化碳波形"},
	KindABP: {"Arterial pressure curve", "动脉压波形"}, KindUnknown: {"Waveform of unknown kind", "种类不明的波形"},
}

// keyNames are the names of findings that the table of terms does not have.
var keyNames = map[string]phrase{
	"duration": {"duration", "时长"}, "missing": {"missing signal", "信号缺失"},
	"rr-intervals": {"certain RR intervals", "可靠RR间期数"}, "sdnn": {"SDNN", "SDNN"}, "rmssd": {"RMSSD", "RMSSD"}, "pnn50": {"pNN50", "pNN50"},
	"p-waves": {"P waves", "P波"}, "premature-beats": {"premature beats", "早搏"}, "premature-broad": {"premature beats with a broad QRS", "宽QRS早搏"},
	"premature-narrow":  {"premature beats with a narrow QRS", "窄QRS早搏"},
	"premature-unclear": {"premature beats of unclear QRS width", "QRS宽度不明的早搏"},
	"broad-beats":       {"broad beats", "宽QRS心搏"}, "pauses": {"pauses", "停搏间歇"}, "longest-pause": {"longest pause", "最长间歇"},
	"pulse-rate": {"pulse rate", "脉率"}, "pulse-variation": {"variation of pulse height", "脉搏波幅变异"},
	"interval-variation": {"variation of intervals", "间期变异"}, "perfusion": {"perfusion-like index", "类灌注指数"},
	"apnoeas": {"pauses in breathing", "呼吸暂停"}, "longest-apnoea": {"longest pause in breathing", "最长呼吸暂停"},
	"end-tidal-low": {"end-tidal CO2, 5th percentile", "呼气末CO2第5百分位"}, "end-tidal-high": {"end-tidal CO2, 95th percentile", "呼气末CO2第95百分位"},
	"inspired-co2": {"inspired CO2", "吸入CO2"}, "pulse-pressure": {"pulse pressure", "脉压"},
	"flushes": {"flushes of the line", "管路冲洗"}, "level-time": {"time without pulsation", "无搏动时间"},
	"unlikely-beats": {"beats of unlikely pressures", "压力值可疑的心搏"}, "damping": {"damping", "阻尼"},
	"median": {"median", "中位数"}, "low": {"5th percentile", "第5百分位"}, "high": {"95th percentile", "第95百分位"},
	"filed-marks": {"marks filed with the recording", "随记录存档的标注"}, "filed-rhythm": {"rhythm as filed", "存档的心律标注"},
}

// termNames are findings that are measures of the table of terms, by their names there.
var termNames = map[string]string{
	"heart-rate": "heart rate", "respiratory-rate": "respiratory rate", "systolic": "systolic blood pressure",
	"diastolic": "diastolic blood pressure", "mean-pressure": "mean arterial pressure", "end-tidal": "end-tidal carbon dioxide",
	"rhythm": "heart rhythm", "qrs-duration": "QRS duration", "mean-rr": "RR interval",
}

// writer puts one waveform's analysis into a description.
type writer struct {
	*Description
	lang terms.Lang
}

// name of a finding.
func (w *writer) name(key string) string {
	if name := termNames[key]; name != "" {
		return terms.ByName("measure", name).Name(w.lang)
	}
	return keyNames[key].in(w.lang)
}

// number adds a finding, rounded to digits, and returns it as text with its unit.
func (w *writer) number(key string, v float64, digits int, unit string) string {
	scale := math.Pow(10, float64(digits))
	v = math.Round(v*scale) / scale
	w.AddNumber(key, w.name(key), v, unit)
	return w.quantity(v, digits, unit)
}

// count adds a finding that is a number of things.
func (w *writer) count(key string, n int) string { return w.number(key, float64(n), 0, "1") }

// text adds a finding that is a text, and returns it.
func (w *writer) text(key string, p phrase) string {
	s := p.in(w.lang)
	w.AddText(key, w.name(key), s)
	return s
}

// quantity writes a number with its unit as people of the language do.
func (w *writer) quantity(v float64, digits int, unit string) string {
	s := strconv.FormatFloat(v+0, 'f', digits, 64) // +0: no "-0"
	switch unit {
	case "", "1":
		return s
	case "%":
		return s + "%"
	}
	shown := unit
	if u := terms.UnitByCode(unit); u != nil {
		shown = u.Display[w.lang]
	}
	if w.lang == terms.Chinese {
		return s + shown
	}
	return s + " " + shown
}
