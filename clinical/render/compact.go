package render

import (
	"github.com/bedside-lm/bedside/clinical/record"
)

var englishCompact, chineseCompact = compactEnglish(), compactChinese()

func compactEnglish() phrases {
	p := english
	p.compact = true
	p.headings = map[SectionKind]string{
		SectionWho: "Patient", SectionWhy: "Diagnoses", SectionVitals: "Vitals",
		SectionLaboratory: "Laboratory", SectionMedication: "Treatment", SectionOpen: "Open",
	}
	p.stop, p.service, p.old, p.severity = "", "", "", ""
	p.diagnosis, p.past, p.problem, p.reason = "Dx", "Past", "Problem", "Reason"
	p.vaccine, p.waveform, p.reference, p.systolic = "Vaccine", "wave", "ref", "sys "
	p.pending, p.notAdministered, p.absent = "Pending", "Ordered, no dose filed", "No value"
	p.notGiven, p.noVaccine = "Not given", "Vaccine not given"
	p.flags = map[string]string{FlagHigh: "H", FlagLow: "L", FlagAbnormal: "abnormal"}
	p.marks = map[record.Mark]string{
		record.MarkImputed: "estimated", record.MarkArtefact: "artefact?", record.MarkImplausible: "implausible",
		record.MarkUnitSuspect: "unit?", record.MarkUnitCorrected: "unit corrected", record.MarkTimeCorrected: "time corrected",
	}
	p.stretchGap, p.toCheck = "", "Check"
	p.computed, p.threshold = "computed ", "threshold"
	p.perHour, p.middleHalf, p.against, p.alarms = " per h", "IQR ", " vs ", "alarms"
	p.ofTime = " of time"
	return p
}

func compactChinese() phrases {
	p := chinese
	p.compact = true
	p.headings = map[SectionKind]string{
		SectionWho: "患者", SectionWhy: "诊断", SectionVitals: "体征",
		SectionLaboratory: "检验", SectionMedication: "治疗", SectionOpen: "待办",
	}
	p.stop, p.service, p.severity = "", "", ""
	p.past, p.problem, p.reason = "既往", "问题", "原因"
	p.vaccine, p.reference = "接种", "参考"
	p.pending, p.notAdministered, p.absent = "待定", "有医嘱无给药记录", "无数值"
	p.flags = map[string]string{FlagHigh: "高", FlagLow: "低", FlagAbnormal: "异常"}
	p.marks = map[record.Mark]string{
		record.MarkImputed: "估算", record.MarkArtefact: "伪差?", record.MarkImplausible: "不合理",
		record.MarkUnitSuspect: "单位?", record.MarkUnitCorrected: "单位已更正", record.MarkTimeCorrected: "时间已校正",
	}
	p.stretchUnits, p.atAdmission = [3]string{"d", "h", "min"}, "+0h"
	p.computed, p.threshold = "计算", "达阈值"
	p.middleHalf, p.against = "IQR ", "对"
	return p
}

func (p *phrases) compactRange(low, high string) string {
	switch {
	case high == "":
		return p.reference + p.gap() + ">=" + low
	case low == "":
		return p.reference + p.gap() + "<=" + high
	}
	return p.reference + p.gap() + low + ".." + high
}

// mark sets a heading off from the lines beneath it.
func (p *phrases) mark(heading string) string { return "# " + heading }
