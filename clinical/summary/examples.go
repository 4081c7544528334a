package summary

import (
	"cmp"
	"slices"
	"strings"

	"github.com/bedside-lm/bedside/clinical/render"
)

// shape is a form of fact that has examples of its own: a small model that last saw a
// series makes a series of a single value.
type shape int

const (
	whoShape shape = iota
	whyShape
	vaccineShape
	seriesShape   // of readings
	valueShape    // one reading
	abnormalShape // one reading, out of range
	pressureShape
	orderShape
	givenShape
	procedureShape
	reportShape
	openShape
	courseShape // values out of range over a long stay
)

// examplesFor returns the examples for a fact, the nearest to it last.
func examplesFor(lang render.Lang, section render.SectionKind, f render.Fact) []Exchange {
	s := shapeOf(section, f)
	out := slices.Clone(examples[lang][s])
	if s == seriesShape && !abnormal(f) || s == pressureShape && !isSeries(f) {
		slices.Reverse(out)
	}
	// What begins with the very words of the fact is nearer still.
	slices.SortStableFunc(out, func(a, b Exchange) int { return cmp.Compare(alike(a.User, f.Text), alike(b.User, f.Text)) })
	return out
}

// alike is 1 where both begin with the same word before a colon, and 2 where both tell of what still runs, too.
func alike(example, fact string) int {
	head := func(s string) string {
		before, _, _ := strings.Cut(strings.ReplaceAll(s, "：", ":"), ":")
		return before
	}
	if head(example) != head(fact) {
		return 0
	}
	for _, running := range []string{"in progress", "进行中"} {
		if strings.Contains(fact, running) && strings.Contains(example, running) {
			return 2
		}
	}
	return 1
}

// abnormal says whether a fact's latest value is out of range.
func abnormal(f render.Fact) bool { return f.Flag != "" && f.Flag != render.FlagNormal }

func shapeOf(section render.SectionKind, f render.Fact) shape {
	numeric := slices.ContainsFunc(f.Numbers, func(n render.Number) bool { return n.Role == render.RoleValue || n.Role == render.RoleLast })
	switch {
	case section == render.SectionWho:
		return whoShape
	case section == render.SectionWhy && slices.ContainsFunc(f.Terms, func(t render.Term) bool { return t.Kind == render.TermVaccine }):
		return vaccineShape
	case section == render.SectionWhy:
		return whyShape
	case section == render.SectionCourse:
		return courseShape
	case section == render.SectionOpen:
		return openShape
	case f.State == render.StateOrdered:
		return orderShape
	case f.State == render.StateAdministered:
		return givenShape
	case numeric && slices.ContainsFunc(f.Terms, func(t render.Term) bool { return t.Key == keyPressure }):
		return pressureShape
	case isSeries(f):
		return seriesShape
	case numeric && abnormal(f):
		return abnormalShape
	case numeric:
		return valueShape
	case section == render.SectionMedication:
		return procedureShape
	}
	return reportShape
}

// examples are short, because every call reads them again. All are invented. The
// last series is abnormal, the last pressure a series.
var examples = map[render.Lang]map[shape][]Exchange{
	render.English: {
		whoShape: {
			{"Patient: male, 54 years old.", "The patient is male, 54 years old."},
			{"Stay: emergency, finished, from 2025-01-03 08:00 to 2025-01-04 17:00.", "The stay was emergency, finished, from 2025-01-03 08:00 to 2025-01-04 17:00."},
			{"Devices: pulse oximeter, ventilator, electrocardiograph.", "The devices are pulse oximeter, ventilator and electrocardiograph."},
		},
		whyShape: {
			{"Reason for the stay: syncope.", "The reason for the stay is syncope."},
			{"Allergy: latex, low risk, active, reaction rash.", "The patient has an allergy to latex, low risk, active, with reaction rash."},
			{"Suspected: stroke, active, since 2025-01-03 08:00.", "Stroke is suspected, active since 2025-01-03 08:00."},
			{"Diagnosis: asthma, active, since 2025-01-02.", "The diagnosis is asthma, active since 2025-01-02."},
		},
		vaccineShape: {
			{"Vaccine given: tetanus vaccine, in 2021-05.", "The tetanus vaccine was given in 2021-05."},
		},
		seriesShape: {
			{"Mean arterial pressure: 61 mmHg (low) at 2025-01-03 09:00, 74 mmHg at 15:00; highest 74 mmHg, 4 readings in 6 h, rising.", "Mean arterial pressure was 61 mmHg (low) at 2025-01-03 09:00 and 74 mmHg at 15:00, rising."},
			{"Urea: 9.9 mmol/L (high) at 2025-01-03 09:00, 8.1 mmol/L (high, reference 2.5 to 7.8) at 15:00; 2 readings in 6 h, falling.", "Urea was 9.9 mmol/L (high) at 2025-01-03 09:00 and 8.1 mmol/L (high) at 15:00, falling."},
		},
		valueShape: {
			{"Body height: 172 cm at 2025-01-03 09:10.", "Body height was 172 cm at 2025-01-03 09:10."},
			{"pH of urine: 5.6 at 2025-01-03 09:30.", "The pH of urine was 5.6 at 2025-01-03 09:30."},
		},
		abnormalShape: {
			{"Calcium: 1.96 mmol/L (low, reference 2.15 to 2.50) at 2025-01-03 09:10.", "Calcium was 1.96 mmol/L (low) at 2025-01-03 09:10."},
			{"Lymphocyte count: 0.6 ×10^9/L (low, reference 1.1 to 3.2) at 2025-01-03 09:10.", "Lymphocyte count was 0.6 ×10^9/L (low) at 2025-01-03 09:10."},
		},
		pressureShape: {
			{"Arterial pressure: 133/77 mmHg at 2025-01-03 09:00.", "Arterial pressure was 133/77 mmHg at 2025-01-03 09:00."},
			{"Arterial pressure: 144/87 mmHg (systolic high) at 2025-01-03 09:00, 133/77 mmHg at 15:00; 4 readings in 6 h, systolic falling.", "Arterial pressure was 144/87 mmHg (systolic high) at 2025-01-03 09:00 and 133/77 mmHg at 15:00, systolic falling."},
		},
		orderShape: {
			{"Ordered: ibuprofen 400 mg, oral, active, at 2025-01-03 09:00.", "Ibuprofen 400 mg, oral, was ordered at 2025-01-03 09:00."},
			{"Ordered: furosemide 40 mg, intravenous, active, at 2025-01-03 09:30.", "Furosemide 40 mg, intravenous, was ordered at 2025-01-03 09:30."},
		},
		givenShape: {
			{"Given: dobutamine 5 µg/kg/min, intravenous, in progress, at 2025-01-03 10:00.", "Dobutamine 5 µg/kg/min, intravenous, was given at 2025-01-03 10:00 and is in progress."},
			{"Given: ibuprofen 400 mg, oral, completed, at 2025-01-03 09:15.", "Ibuprofen 400 mg, oral, was given at 2025-01-03 09:15."},
			{"Given: furosemide 40 mg, intravenous, completed, from 2025-01-03 10:00 to 10:30.", "Furosemide 40 mg, intravenous, was given from 2025-01-03 10:00 to 10:30."},
		},
		procedureShape: {
			{"Procedure: tracheostomy, completed, at 2025-01-03 11:00.", "The procedure tracheostomy was completed at 2025-01-03 11:00."},
		},
		reportShape: {
			{"Report: urine culture, final, at 2025-01-03 16:00.", "The report of the urine culture is final, at 2025-01-03 16:00."},
		},
		openShape: {
			{"Report pending: urine culture, preliminary.", "The report of the urine culture is pending, preliminary."},
			{"Latest calcium is low: 1.96 mmol/L at 2025-01-03 09:10.", "The latest calcium is low, 1.96 mmol/L at 2025-01-03 09:10."},
		},
		courseShape: {
			{"Calcium was low: 1.96 mmol/L at 2025-01-03 09:10.", "Calcium was low, 1.96 mmol/L at 2025-01-03 09:10."},
			{
				"Out of range during the stay: urea 9.9 mmol/L (high) at 2025-01-03 09:00, 8.1 mmol/L (high) at 2025-01-05 15:00.",
				"Urea was out of range during the stay, 9.9 mmol/L (high) at 2025-01-03 09:00 and 8.1 mmol/L (high) at 2025-01-05 15:00.",
			},
		},
	},
	render.Chinese: {
		whoShape: {
			{"患者：男，54岁。", "患者为男性，54岁。"},
			{"就诊：急诊，已结束，2025-01-03 08:00 至 17:00。", "就诊为急诊，已结束，2025-01-03 08:00 至 17:00。"},
		},
		whyShape: {
			{"过敏：乳胶，低风险，活动性，反应皮疹。", "患者对乳胶过敏，低风险，活动性，反应皮疹。"},
			{"疑似：脑卒中，活动性。", "疑似脑卒中，活动性。"},
			{"诊断：哮喘，活动性，自 2025-01-02 起。", "诊断为哮喘，活动性，自 2025-01-02 起。"},
		},
		vaccineShape: {
			{"已接种：破伤风疫苗，2021-05。", "2021-05 已接种破伤风疫苗。"},
		},
		seriesShape: {
			{"平均动脉压：2025-01-03 09:00 为61 mmHg（偏低），15:00 为74 mmHg；最高74 mmHg，6小时内4次读数，上升。", "平均动脉压2025-01-03 09:00 为61 mmHg（偏低），15:00 为74 mmHg，呈上升趋势。"},
			{"尿素：2025-01-03 09:00 为9.9 mmol/L（偏高），15:00 为8.1 mmol/L（偏高，参考范围2.5至7.8）；6小时内2次读数，下降。", "尿素2025-01-03 09:00 为9.9 mmol/L（偏高），15:00 为8.1 mmol/L（偏高），呈下降趋势。"},
		},
		valueShape: {
			{"身高：2025-01-03 09:10 为172 cm。", "身高2025-01-03 09:10 为172 cm。"},
		},
		abnormalShape: {
			{"淋巴细胞计数：2025-01-03 09:10 为0.6 ×10^9/L（偏低，参考范围1.1至3.2）。", "淋巴细胞计数2025-01-03 09:10 为0.6 ×10^9/L（偏低）。"},
		},
		pressureShape: {
			{"动脉压：2025-01-03 09:00 为133/77 mmHg。", "动脉压2025-01-03 09:00 为133/77 mmHg。"},
			{"动脉压：2025-01-03 09:00 为144/87 mmHg（收缩压偏高），15:00 为133/77 mmHg；6小时内4次读数，收缩压下降。", "动脉压2025-01-03 09:00 为144/87 mmHg（收缩压偏高），15:00 为133/77 mmHg，收缩压下降。"},
		},
		orderShape: {
			{"医嘱：布洛芬400 mg，口服，有效，2025-01-03 09:00。", "2025-01-03 09:00 医嘱布洛芬400 mg，口服。"},
		},
		givenShape: {
			{"已给药：多巴酚丁胺5 µg/kg/min，静脉给药，进行中，2025-01-03 10:00。", "2025-01-03 10:00 给予多巴酚丁胺5 µg/kg/min，静脉给药，进行中。"},
			{"已给药：布洛芬400 mg，口服，已完成，2025-01-03 09:15。", "2025-01-03 09:15 给予布洛芬400 mg，口服。"},
			{"已给药：呋塞米40 mg，静脉给药，已完成，2025-01-03 10:00 至 10:30。", "给予呋塞米40 mg，静脉给药，2025-01-03 10:00 至 10:30。"},
		},
		procedureShape: {
			{"操作：气管切开术，已完成，2025-01-03 11:00。", "气管切开术已完成，2025-01-03 11:00。"},
		},
		reportShape: {
			{"报告：尿培养，最终结果，2025-01-03 16:00。", "尿培养报告为最终结果，2025-01-03 16:00。"},
		},
		openShape: {
			{"报告待定：尿培养，初步结果。", "尿培养报告待定，为初步结果。"},
			{"最近一次钙偏低：2025-01-03 09:10 为1.96 mmol/L。", "最近一次钙偏低，2025-01-03 09:10 为1.96 mmol/L。"},
		},
		courseShape: {
			{"钙偏低：2025-01-03 09:10 为1.96 mmol/L。", "钙偏低，2025-01-03 09:10 为1.96 mmol/L。"},
			{
				"期间超出范围：尿素 2025-01-03 09:00 为9.9 mmol/L（偏高），2025-01-05 15:00 为8.1 mmol/L（偏高）。",
				"期间尿素超出范围，2025-01-03 09:00 为9.9 mmol/L（偏高），2025-01-05 15:00 为8.1 mmol/L（偏高）。",
			},
		},
	},
}
