package rules

import "github.com/bedside-lm/bedside/clinical/terms"

// vocabulary is what findings are written with beyond the tables.
type vocabulary struct {
	comma, list, colon, open, close, stop string
	verdicts                              map[Verdict]string
	severities                            map[Severity]string
	kinds                                 map[RuleKind]string
	lacks                                 map[string]string
	names                                 map[string]string // of numbers that no measure names
	undecided, stale, only, watch, source string
	dose, doseLacks, proposed, computed   string
	excluded, unread, dialysis, unsteady  string
	allergies                             map[AllergyState]string
	child, kidneys                        string
	facts                                 map[string]string // see facts.go
}

var vocabularies = map[terms.Lang]*vocabulary{
	terms.English: {
		comma: ", ", list: ", ", colon: ": ", open: " (", close: ")", stop: ".",
		verdicts:   map[Verdict]string{VerdictKept: "kept", VerdictMarked: "marked", VerdictRemoved: "removed"},
		severities: map[Severity]string{SeverityContraindicated: "contraindicated", SeverityMajor: "major", SeverityModerate: "moderate", SeverityMonitor: "monitor"},
		kinds: map[RuleKind]string{
			RuleAllergy: "allergy", RuleDuplicate: "duplicate", RuleInteraction: "interaction", RuleCondition: "condition",
			RuleReading: "reading", RulePatient: "patient", RuleRenal: "kidney dose", RuleMonitoring: "monitoring", RuleUnknown: "unknown",
		},
		lacks: map[string]string{
			"age": "age", "sex": "sex", "pregnancy": "whether pregnant", "reaction": "how grave the reaction was", "adult": "that the patient is an adult",
		},
		names:     map[string]string{"age": "age"},
		undecided: "cannot be decided, not known", stale: "only readings that are too old", only: "of the class", watch: "watch", source: "source",
		dose: "dose", doseLacks: "no dose, not known", proposed: "proposed", computed: "computed by",
		excluded: "not of the class", unread: "not checked, in no table", dialysis: "on dialysis, kidney function counts as 0",
		unsteady: "creatinine is not steady, so estimates of kidney function mislead",
		allergies: map[AllergyState]string{
			AllergiesFiled: "allergies on record", AllergiesNone: "the record says that no allergies are known",
			AllergiesNotFiled: "the record says nothing of allergies, which does not mean that there are none",
		},
		child: "the patient is not known to be an adult: the tables are for adults, and no dose is given", kidneys: "kidney function",
		facts: map[string]string{
			"no-age": "the age is not known", "years": " years", "male": "male", "female": "female", "no-sex": "the sex is not known",
			"no-weight": "the weight is not known", "egfr": "glomerular filtration rate ", "crcl": "creatinine clearance ",
			"missing": "cannot be estimated, not known", "no-liver": "no disease of the liver is filed", "pregnant": "pregnant", "not-pregnant": "not pregnant",
			"maybe-pregnant": "not known whether pregnant", "no-medication": "no medication is filed",
			"age": "age", "sex": "sex", "weight": "weight", "kidney": "kidney function", "liver": "liver", "pregnancy": "pregnancy",
			"allergy": "allergy", "medication": "medication", "more": "and %d more",
		},
	},
	terms.Chinese: {
		comma: "，", list: "、", colon: "：", open: "（", close: "）", stop: "。",
		verdicts:   map[Verdict]string{VerdictKept: "保留", VerdictMarked: "标注", VerdictRemoved: "移除"},
		severities: map[Severity]string{SeverityContraindicated: "禁忌", SeverityMajor: "严重", SeverityModerate: "中等", SeverityMonitor: "观察"},
		kinds: map[RuleKind]string{
			RuleAllergy: "过敏", RuleDuplicate: "重复用药", RuleInteraction: "相互作用", RuleCondition: "疾病",
			RuleReading: "检测值", RulePatient: "患者特征", RuleRenal: "肾功能剂量", RuleMonitoring: "监测", RuleUnknown: "未知",
		},
		lacks: map[string]string{
			"age": "年龄", "sex": "性别", "pregnancy": "是否妊娠", "reaction": "过敏反应的严重程度", "adult": "患者是否成年",
		},
		names:     map[string]string{"age": "年龄"},
		undecided: "无法判定，缺少", stale: "仅有过期读数", only: "该类中", watch: "监测", source: "来源",
		dose: "剂量", doseLacks: "不给出剂量，缺少", proposed: "建议", computed: "计算公式",
		excluded: "该类中除外", unread: "未核对，术语表中没有", dialysis: "正在透析，肾功能按0计",
		unsteady: "肌酐不稳定，肾功能估算值可能有误导",
		allergies: map[AllergyState]string{
			AllergiesFiled: "已记录的过敏", AllergiesNone: "病历称无已知过敏", AllergiesNotFiled: "病历未提及过敏，不等于无过敏",
		},
		child: "不能确定患者成年：各表仅适用于成人，不给出剂量", kidneys: "肾功能",
		facts: map[string]string{
			"no-age": "年龄未知", "years": "岁", "male": "男性", "female": "女性", "no-sex": "性别未知",
			"no-weight": "体重未知", "egfr": "肾小球滤过率", "crcl": "肌酐清除率",
			"missing": "无法估算，缺少", "no-liver": "未记录肝脏疾病", "pregnant": "妊娠", "not-pregnant": "未妊娠",
			"maybe-pregnant": "是否妊娠未知", "no-medication": "未记录用药",
			"age": "年龄", "sex": "性别", "weight": "体重", "kidney": "肾功能", "liver": "肝脏", "pregnancy": "妊娠",
			"allergy": "过敏", "medication": "用药", "more": "另有 %d 项",
		},
	},
}
