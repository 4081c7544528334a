package htmlreport

import (
	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/score"
	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
)

// words are what the page says beside what the record and the server say, in one language.
type words struct {
	Title, Decides                                  string
	Patient, RedFlags, Scores, Trends, Summary      string
	Diagnoses, Treatments, Graph, Readings, Others  string
	Models, Warnings, Contents                      string
	NoRedFlags, ScoreIs, AtLeast, Highest, Latest   string
	Part, Value, NotKnown                           string
	Measure, Time, Range, Mark, UsedIn, Name        string
	RangeIs, Abnormal, Doubtful, MorePlots, NoPlots string
	For, Against, Next, Abstains                    string
	Confirmed, Suggested, ByModel, Sources          string
	Rejected, More, MoreReadings                    string
	NotAsked, NoModel, GraphIs, SummaryIs, Failed   string
	Made, Version, ReadingsIs, Hover                string
	Less, List, Semicolon, WeightIs                 string

	origin  map[bedsidev1.SentenceOrigin]string
	group   map[string]string
	verdict map[string]string
	kind    map[string]string
	flag    map[string]string
	mark    map[record.Mark]string
	finding map[score.Finding]string
}

var english = words{
	Title: "Patient report", Decides: "This page supports a clinician and decides nothing. It is no medical device.",
	Patient: "Patient", RedFlags: "What cannot wait", Scores: "Early warning", Trends: "Trends", Summary: "Summary",
	Diagnoses: "Suggested diagnoses", Treatments: "Treatments to consider", Graph: "Knowledge graph", Readings: "Readings",
	Others: "What else the record says", Models: "Models", Warnings: "Notes", Contents: "Contents",
	NoRedFlags: "The vital signs of the last day raise no alarm by NEWS2. That is no all-clear.",
	ScoreIs:    "NEWS2 (Royal College of Physicians, 2017), from the latest reading of each part within 6 hours. What was not measured counts for nothing: the score can only be higher.",
	AtLeast:    "at least ", Highest: "highest", Latest: "latest", Part: "Part", Value: "Value", NotKnown: "not measured",
	Measure: "Measure", Time: "Time", Range: "Reference", Mark: "Preparation", UsedIn: "Named by", Name: "Id",
	RangeIs: "reference range", Abnormal: "beyond it, upwards or downwards", Doubtful: "in doubt", MorePlots: "%d further measures have several readings: see the table.",
	NoPlots: "No measure has several readings with a time.",
	For:     "speaks for it", Against: "speaks against it", Next: "would help to settle it", Abstains: "No answer to rely on.",
	Confirmed: " (confirmed)", Suggested: " (suggested, %.1f %%)", ByModel: "named by the model too", Sources: "Named by: ",
	Less: "Below 1 %%: %s.", List: ", ", Semicolon: "; ",
	WeightIs: "The number behind a reading is by how much the probability falls where the model is not shown it.",
	Rejected: "turned down before: %s", More: "%d more", MoreReadings: "%d further readings are left out here.",
	NotAsked: "Not asked for.", NoModel: "No model here does this.", Failed: "No answer: %s",
	GraphIs:   "What the record says of the patient, linked to terminologies. It is made for this page and stored nowhere.",
	SummaryIs: "Every sentence was held against the record. In brackets, the entries that it rests on; the label says who wrote it.",
	Made:      "Made", Version: "Bedside",
	ReadingsIs: "As prepared: duplicates merged, units made the same, doubtful values marked.",
	Hover:      "Pointing at a sentence, or following its number, marks what it rests on.",
	origin: map[bedsidev1.SentenceOrigin]string{
		bedsidev1.SentenceOrigin_SENTENCE_ORIGIN_MODEL: "model", bedsidev1.SentenceOrigin_SENTENCE_ORIGIN_REWRITTEN: "rewritten",
		bedsidev1.SentenceOrigin_SENTENCE_ORIGIN_RENDERED: "record",
	},
	group:   map[string]string{"vital": "Vital signs", "score": "Scores", "wave": "Waveforms", "gas": "Blood gases", "lab": "Laboratory"},
	verdict: map[string]string{"kept": "nothing against it", "marked": "with reservations", "removed": "must not stand"},
	kind:    map[string]string{"class": "class", "drug": "drug", "care": "care", "monitor": "watch"},
	flag:    map[string]string{"H": "high", "L": "low", "A": "abnormal", "N": ""},
	mark: map[record.Mark]string{
		record.MarkMerged: "duplicates merged", record.MarkTimeCorrected: "clock corrected", record.MarkConverted: "unit converted",
		record.MarkUnitCorrected: "unit corrected", record.MarkUnitSuspect: "unit in doubt", record.MarkImplausible: "implausible",
		record.MarkArtefact: "perhaps an artefact", record.MarkImputed: "not measured, filled in",
	},
	finding: map[score.Finding]string{
		score.FindingAir: "room air", score.FindingOxygen: "oxygen", score.FindingAlert: "alert", score.FindingAltered: "not alert",
	},
}

var chinese = words{
	Title: "患者报告", Decides: "本页仅供临床医师参考，不作任何决定，也不是医疗器械。",
	Patient: "患者", RedFlags: "不容等待", Scores: "早期预警", Trends: "趋势", Summary: "摘要",
	Diagnoses: "诊断建议", Treatments: "可考虑的治疗", Graph: "知识图谱", Readings: "测量值",
	Others: "病历其他内容", Models: "模型", Warnings: "提示", Contents: "目录",
	NoRedFlags: "按 NEWS2，最近一日的生命体征未触发警报；这不等于没有问题。",
	ScoreIs:    "NEWS2（英国皇家内科医师学会，2017），各项取 6 小时内最近一次测量。未测的项目不计分，实际分值只会更高。",
	AtLeast:    "至少 ", Highest: "最高", Latest: "最近", Part: "项目", Value: "数值", NotKnown: "未测",
	Measure: "项目", Time: "时间", Range: "参考范围", Mark: "预处理", UsedIn: "引用处", Name: "编号",
	RangeIs: "参考范围", Abnormal: "偏高或偏低", Doubtful: "存疑", MorePlots: "另有 %d 个项目有多次测量，见表。",
	NoPlots: "没有任何项目有多次带时间的测量。",
	For:     "支持", Against: "不支持", Next: "有助于明确", Abstains: "没有可以依赖的答案。",
	Confirmed: "（已确诊）", Suggested: "（建议，%.1f %%）", ByModel: "模型也提到", Sources: "来源：",
	Less: "低于 1 %%：%s。", List: "、", Semicolon: "；",
	WeightIs: "读数后的数字表示不向模型提供该读数时概率下降多少。",
	Rejected: "此前的表述未通过：%s", More: "另 %d 项", MoreReadings: "此处略去 %d 项测量。",
	NotAsked: "未要求。", NoModel: "此处没有模型能做这项。", Failed: "没有答案：%s",
	GraphIs:   "病历对该患者的陈述，已对应到标准术语。仅为本页生成，不作保存。",
	SummaryIs: "每一句都与病历核对过。方括号内是其依据的条目，标签说明由谁撰写。",
	Made:      "生成时间", Version: "Bedside",
	ReadingsIs: "经过预处理：合并重复，统一单位，标出存疑的数值。",
	Hover:      "指向一句话或点击其编号，即标出它的依据。",
	origin: map[bedsidev1.SentenceOrigin]string{
		bedsidev1.SentenceOrigin_SENTENCE_ORIGIN_MODEL: "模型", bedsidev1.SentenceOrigin_SENTENCE_ORIGIN_REWRITTEN: "改写",
		bedsidev1.SentenceOrigin_SENTENCE_ORIGIN_RENDERED: "病历",
	},
	group:   map[string]string{"vital": "生命体征", "score": "评分", "wave": "波形", "gas": "血气", "lab": "检验"},
	verdict: map[string]string{"kept": "未见不宜", "marked": "有保留", "removed": "不宜使用"},
	kind:    map[string]string{"class": "类别", "drug": "药物", "care": "处置", "monitor": "监测"},
	flag:    map[string]string{"H": "偏高", "L": "偏低", "A": "异常", "N": ""},
	mark: map[record.Mark]string{
		record.MarkMerged: "合并重复", record.MarkTimeCorrected: "校正时钟", record.MarkConverted: "换算单位",
		record.MarkUnitCorrected: "更正单位", record.MarkUnitSuspect: "单位存疑", record.MarkImplausible: "不合理",
		record.MarkArtefact: "可能为伪差", record.MarkImputed: "未测，填补",
	},
	finding: map[score.Finding]string{
		score.FindingAir: "未吸氧", score.FindingOxygen: "吸氧", score.FindingAlert: "清醒", score.FindingAltered: "意识改变",
	},
}
