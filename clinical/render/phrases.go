package render

import (
	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/score"
)

// phrases are the fixed words of one language. A function stands where the order
// of the parts differs between languages.
type phrases struct {
	lang                                       Lang
	compact                                    bool
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
	flags                                      map[string]string // compact alone
	atAdmission, admission                     string
	stretchUnits                               [3]string // days, hours, minutes
	stretchGap                                 string
	marks                                      map[record.Mark]string
	more, toCheck                              string
	omitted, overBudget                        string
	computed, threshold, unknown               string
	bands                                      map[score.Band]string
	findings                                   map[score.Finding]string
	perHour, middleHalf, against, alarms       string
	above, below, ofTime, longest              string
	outOfRange, outOfRangeOver, latestVitals   string
}

func phrasesFor(l Lang, s Style) *phrases {
	switch {
	case l == Chinese && s == StyleCompact:
		return &chineseCompact
	case l == Chinese:
		return &chinese
	case s == StyleCompact:
		return &englishCompact
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

	atAdmission: "admission", admission: "admission", stretchUnits: [3]string{"d", "h", "min"}, stretchGap: " ",
	marks: map[record.Mark]string{
		record.MarkImputed: "estimated, not measured", record.MarkArtefact: "likely artefact", record.MarkImplausible: "implausible",
		record.MarkUnitSuspect: "unit in doubt", record.MarkUnitCorrected: "unit corrected", record.MarkTimeCorrected: "time corrected",
	},
	more: "more", toCheck: "To be checked",
	omitted: "Left out to keep the text short: %d of the record's facts.", overBudget: "The critical facts alone are longer than the text was to be.",
	computed: "Computed ", threshold: "reaches the threshold", unknown: "unknown",
	bands: map[score.Band]string{
		score.BandLow: "low risk", score.BandLowMedium: "low-medium risk", score.BandMedium: "medium risk", score.BandHigh: "high risk",
	},
	findings: map[score.Finding]string{
		score.FindingAir: "room air", score.FindingOxygen: "in use", score.FindingAlert: "alert", score.FindingAltered: "altered",
	},
	perHour: " per hour", middleHalf: "middle half of the readings ", against: " against ", alarms: "alarm limits",
	above: "above", below: "below", ofTime: " of the time", longest: "longest ",
	outOfRange: "Latest values out of range", outOfRangeOver: "Out of range during the stay", latestVitals: "Latest vital signs",
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

	atAdmission: "入院时", admission: "入院", stretchUnits: [3]string{"天", "小时", "分钟"},
	marks: map[record.Mark]string{
		record.MarkImputed: "估算值，未实测", record.MarkArtefact: "疑似伪差", record.MarkImplausible: "超出合理范围",
		record.MarkUnitSuspect: "单位存疑", record.MarkUnitCorrected: "单位已更正", record.MarkTimeCorrected: "时间已校正",
	},
	more: "另", toCheck: "待核对",
	omitted: "为控制篇幅，省略记录中的%d条事实。", overBudget: "仅关键事实已超出篇幅限制。",
	computed: "计算所得", threshold: "达到阈值", unknown: "待补充",
	bands: map[score.Band]string{
		score.BandLow: "低风险", score.BandLowMedium: "低中风险", score.BandMedium: "中风险", score.BandHigh: "高风险",
	},
	findings: map[score.Finding]string{
		score.FindingAir: "空气", score.FindingOxygen: "使用中", score.FindingAlert: "清醒", score.FindingAltered: "非清醒",
	},
	perHour: "每小时", middleHalf: "中间半数读数", alarms: "报警限",
	above: "高于上限", below: "低于下限", ofTime: "占时", longest: "最长",
	outOfRange: "最近超出范围的数值", outOfRangeOver: "期间超出范围", latestVitals: "最近生命体征",
}
