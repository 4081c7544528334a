package main

import bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"

// words are what the printers say beside what the server wrote, in one language.
type words struct {
	facts, warnings string
	byOrigin        string // formats: all sentences, model, rewritten, record
	model, tokens   string // formats
	took            string // format: seconds
	windows         string // format

	speaksFor, speaksAgainst, next string
	less, list                     string // the first a format
	confirmed, suggested           string
	origin                         map[bedsidev1.SentenceOrigin]string
}

var english = words{
	facts:     "In the record:",
	warnings:  "Warnings",
	byOrigin:  "Sentences: %d, of which %d by the model, %d rewritten by the model, %d from the record",
	model:     "Model: %s %s (%s)",
	tokens:    "Tokens: %d read, %d written. Time: %.1f s",
	took:      "Time: %.1f s",
	windows:   "A long stay, read in %d windows of time; what they have in common is told once",
	speaksFor: "for:", speaksAgainst: "against:", next: "next:",
	less: "Below 1%%: %s.", list: ", ",
	confirmed: "confirmed", suggested: "suggested",
	origin: map[bedsidev1.SentenceOrigin]string{
		bedsidev1.SentenceOrigin_SENTENCE_ORIGIN_MODEL:     "model",
		bedsidev1.SentenceOrigin_SENTENCE_ORIGIN_REWRITTEN: "rewritten",
		bedsidev1.SentenceOrigin_SENTENCE_ORIGIN_RENDERED:  "record",
	},
}

var chinese = words{
	facts:     "病历内容：",
	warnings:  "提示",
	byOrigin:  "共 %d 句，其中模型撰写 %d 句，模型改写 %d 句，直接取自病历 %d 句",
	model:     "模型：%s %s（%s）",
	tokens:    "词元：读入 %d，写出 %d。用时 %.1f 秒",
	took:      "用时 %.1f 秒",
	windows:   "住院时间较长，分 %d 个时间段阅读，相同内容只述一次",
	speaksFor: "支持：", speaksAgainst: "不支持：", next: "下一步：",
	less: "低于1%%：%s。", list: "、",
	confirmed: "已确诊", suggested: "建议",
	origin: map[bedsidev1.SentenceOrigin]string{
		bedsidev1.SentenceOrigin_SENTENCE_ORIGIN_MODEL:     "模型",
		bedsidev1.SentenceOrigin_SENTENCE_ORIGIN_REWRITTEN: "改写",
		bedsidev1.SentenceOrigin_SENTENCE_ORIGIN_RENDERED:  "病历",
	},
}

func wordsOf(language string) *words {
	if language == "zh" {
		return &chinese
	}
	return &english
}
