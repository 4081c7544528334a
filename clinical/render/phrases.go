package render

import (
	"strings"
	"unicode/utf8"

	"github.com/bedside-lm/bedside/clinical/record"
)

// phrases are the fixed words of one language. A function stands where the order
// of the parts differs between languages.
type phrases struct {
	lang                                       Lang
	headings                                   map[SectionKind]string
	stop, comma, semi, colon, list             string
	nothing, unnamed, patient, deceased        string
	stay, service, devices, reason             string
	diagnosis, suspected, ruledOut, past       string
	problem, allergy, noAllergy, reaction      string
	allergyOut, vaccine, noVaccine             string
	procedure, ordered, given, notGiven        string
	report, conclusion, result, waveform       string
	pending, notAdministered, notFiled, absent string
	lowest, highest, reference, over90         string
	yes, no, severity, systolic, old, to       string
	noneKnown                                  []string
	trends                                     map[Trend]string
}

func phrasesFor(l Lang) *phrases {
	if l == Chinese {
		return &chinese
	}
	return &english
}

var english = phrases{
	lang: English,
	headings: map[SectionKind]string{
		SectionWho: "Patient", SectionWhy: "Reason and diagnoses", SectionVitals: "Vital signs and trends",
		SectionLaboratory: "Laboratory and reports", SectionMedication: "Medication and procedures", SectionOpen: "Open points",
	},
	stop: ".", comma: ", ", semi: "; ", colon: ": ", list: ", ",
	nothing: "Nothing filed.", unnamed: "unnamed item", patient: "Patient", deceased: "recorded as deceased",
	stay: "Stay", service: "service", devices: "Devices", reason: "Reason for the stay",
	diagnosis: "Diagnosis", suspected: "Suspected", ruledOut: "Ruled out", past: "Past diagnosis",
	problem: "Known problem", allergy: "Allergy", noAllergy: "No known allergies are filed", reaction: "reaction",
	allergyOut: "Allergy ruled out", vaccine: "Vaccine given", noVaccine: "Vaccine not given",
	procedure: "Procedure", ordered: "Ordered", given: "Given", notGiven: "Not given",
	report: "Report", conclusion: "conclusion", result: "result", waveform: "waveform",
	pending: "Report pending", notAdministered: "Ordered, no administration filed", notFiled: "Not filed", absent: "No value filed",
	lowest: "lowest", highest: "highest", reference: "reference", over90: "90 or older",
	yes: "yes", no: "no", severity: "severity", systolic: "systolic ", old: " old", to: "to",
	noneKnown: []string{"known allergies", "known allergy"},
	trends:    map[Trend]string{TrendRising: "rising", TrendFalling: "falling", TrendStable: "stable", TrendFluctuating: "fluctuating"},
}

var chinese = phrases{
	lang: Chinese,
	headings: map[SectionKind]string{
		SectionWho: "患者", SectionWhy: "就诊原因与诊断", SectionVitals: "生命体征与趋势",
		SectionLaboratory: "检验与报告", SectionMedication: "用药与操作", SectionOpen: "待关注事项",
	},
	stop: "。", comma: "，", semi: "；", colon: "：", list: "、",
	nothing: "无记录。", unnamed: "未命名项目", patient: "患者", deceased: "记录为已故",
	stay: "就诊", service: "科室", devices: "设备", reason: "就诊原因",
	diagnosis: "诊断", suspected: "疑似", ruledOut: "已排除", past: "既往诊断",
	problem: "已知问题", allergy: "过敏", noAllergy: "未记录已知过敏", reaction: "反应",
	allergyOut: "已排除过敏", vaccine: "已接种", noVaccine: "未接种",
	procedure: "操作", ordered: "医嘱", given: "已给药", notGiven: "未给药",
	report: "报告", conclusion: "结论", result: "结果", waveform: "波形",
	pending: "报告待定", notAdministered: "已开医嘱而无给药记录", notFiled: "未记录", absent: "无数值记录",
	lowest: "最低", highest: "最高", reference: "参考范围", over90: "90岁及以上",
	yes: "是", no: "否", severity: "程度", systolic: "收缩压", to: "至",
	noneKnown: []string{"已知过敏"},
	trends:    map[Trend]string{TrendRising: "上升", TrendFalling: "下降", TrendStable: "平稳", TrendFluctuating: "波动"},
}

func (p *phrases) paren(s string) string {
	if p.lang == Chinese {
		return "（" + s + "）"
	}
	return " (" + s + ")"
}

func (p *phrases) quote(s string) string {
	if p.lang == Chinese {
		return "“" + strings.NewReplacer("“", "'", "”", "'").Replace(s) + "”"
	}
	return `"` + strings.ReplaceAll(s, `"`, "'") + `"`
}

// joinUnit puts a unit behind a number: "128/min", "38.9 °C", "128次/分", "38.9℃".
func (p *phrases) joinUnit(label string) string {
	r, _ := utf8.DecodeRuneInString(label)
	switch {
	case label == "":
		return ""
	case r == '/' || r == '%' || r == '℃' || r == '℉' || r >= 0x4E00 && r <= 0x9FFF:
		return label
	}
	return " " + label
}

func (p *phrases) at(t string, precision record.Precision) string {
	switch {
	case p.lang == Chinese:
		return t
	case precision == record.PrecisionSecond:
		return "at " + t
	case precision == record.PrecisionDay:
		return "on " + t
	}
	return "in " + t
}

func (p *phrases) until(t string) string {
	if p.lang == Chinese {
		return "至 " + t
	}
	return "until " + t
}

func (p *phrases) fromTo(a, b string) string {
	if p.lang == Chinese {
		return a + " 至 " + b
	}
	return "from " + a + " to " + b
}

func (p *phrases) since(t string) string {
	if p.lang == Chinese {
		return "自 " + t + " 起"
	}
	return "since " + t
}

// valueAt joins a value and its time in the language's order.
func (p *phrases) valueAt(value, at string) string {
	switch {
	case at == "":
		return value
	case p.lang == Chinese:
		return at + " 为" + value
	}
	return value + " " + at
}

func (p *phrases) latest(name, flag, value, at string) string {
	if p.lang == Chinese {
		return "最近一次" + name + flag + "：" + p.valueAt(value, at)
	}
	return "Latest " + name + " is " + flag + ": " + p.valueAt(value, at)
}

func (p *phrases) refRange(low, high string) string {
	switch {
	case p.lang == Chinese && high == "":
		return p.reference + "不低于" + low
	case p.lang == Chinese && low == "":
		return p.reference + "不高于" + high
	case p.lang == Chinese:
		return p.reference + low + "至" + high
	case high == "":
		return p.reference + " at least " + low
	case low == "":
		return p.reference + " at most " + high
	}
	return p.reference + " " + low + " to " + high
}

func (p *phrases) readings(n, span string) string {
	switch {
	case span == "":
		return n
	case p.lang == Chinese:
		return span + "内" + n
	}
	return n + " in " + span
}

// gap is the space between a word and a number: none in Chinese.
func (p *phrases) gap() string {
	if p.lang == Chinese {
		return ""
	}
	return " "
}

// follow puts an amount behind a name; a name that ends in a digit or a letter must
// not run into it.
func (p *phrases) follow(name, amount string) string {
	last := name[len(name)-1]
	if p.lang == Chinese && (last >= utf8.RuneSelf || last == ')') {
		return name + amount
	}
	return name + " " + amount
}
