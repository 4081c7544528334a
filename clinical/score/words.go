package score

import (
	"strings"

	"github.com/bedside-lm/bedside/clinical/record"
)

// consciousness reads the level on the ACVPU scale (alert, confused, voice, pain, unresponsive)
// from a code or from words. What is not in the table is not guessed.
func consciousness(v *record.Value) Finding {
	if v.Concept == nil {
		return levels[tidy(v.Text)]
	}
	for _, k := range v.Concept.Codings {
		if f := levels[tidy(k.Code)]; f != FindingNone && k.System == record.SystemLOINC {
			return f
		}
	}
	for _, k := range v.Concept.Codings {
		if f := levels[tidy(k.Display)]; f != FindingNone {
			return f
		}
	}
	return levels[tidy(v.Concept.Text)]
}

func tidy(s string) string { return strings.Trim(strings.ToLower(s), " .;。") }

// levels are the answers of LOINC 67775-7 (list LL1006-8) and the words in use. Whoever
// responds to voice is not alert, so drowsy and stuporous patients count as altered.
var levels = levelsOf(map[Finding][]string{
	FindingAlert: {
		"LA9340-6", "alert", "A", "mentally alert", "awake", "awake and alert", "alert and oriented", "fully alert",
		"清醒", "神志清楚", "意识清楚", "神清", "神志清醒", "意识清醒",
	},
	FindingAltered: {
		"LA9341-4", "LA9342-2", "LA9343-0",
		"C", "confused", "confusion", "new confusion", "acute confusion", "disoriented", "delirious", "delirium",
		"V", "voice", "verbal", "responds to voice", "response to voice", "responds to verbal stimuli", "drowsy", "lethargic", "somnolent",
		"P", "pain", "painful", "responds to pain", "response to pain", "responds to painful stimuli", "stuporous", "obtunded",
		"U", "unresponsive", "unconscious", "comatose", "coma",
		"意识模糊", "谵妄", "定向障碍", "嗜睡", "昏睡", "昏迷", "对声音有反应", "对疼痛有反应", "无反应", "浅昏迷", "中度昏迷", "深昏迷",
	},
})

func levelsOf(words map[Finding][]string) map[string]Finding {
	out := map[string]Finding{}
	for f, ws := range words {
		for _, w := range ws {
			out[tidy(w)] = f
		}
	}
	return out
}
