package diagnosis

import (
	"fmt"

	"github.com/bedside-lm/bedside/clinical/terms"
)

var reasons = map[Reason]map[terms.Lang]string{
	LowConfidence: {
		terms.English: "No diagnosis is probable enough to be suggested; the list shows what was considered.",
		terms.Chinese: "没有足够可能的诊断可供建议；列表仅为考虑过的诊断。",
	},
	TooFewReadings: {
		terms.English: "Too few different measures within the window to suggest a diagnosis.",
		terms.Chinese: "时间窗内的检测项目太少，无法建议诊断。",
	},
	OutOfScope: {
		terms.English: "The model knows adults alone; this patient is under 18.",
		terms.Chinese: "模型仅适用于成人；该患者未满18岁。",
	},
}

// Text says a reason in words.
func (r Reason) Text(lang terms.Lang) string { return reasons[r][lang] }

var notices = map[terms.Lang]string{
	terms.English: "These suggestions support a clinician and decide nothing. The model was trained on generated patients and knows %d diagnoses; probabilities are among these.",
	terms.Chinese: "以上建议仅供临床医师参考，不作任何决定。模型以生成的患者数据训练，仅识别 %d 种诊断，概率仅在其中比较。",
}

// Notice says what an answer is worth.
func Notice(lang terms.Lang, fit *Fit) string { return fmt.Sprintf(notices[lang], len(fit.Codes)) }

var windows = map[terms.Lang]string{
	terms.English: "From the first %d h after admission (%d measures)",
	terms.Chinese: "依据入院后前 %d 小时（%d 项检测）",
}

// laters tell of readings behind the window, if there are any.
var laters = map[terms.Lang]string{
	terms.English: "; %d later readings were not looked at, since the model was trained without",
	terms.Chinese: "；模型训练未涉及其后的 %d 次检测，未予考虑",
}

var stops = map[terms.Lang]string{terms.English: ".", terms.Chinese: "。"}

// Scope says what an answer rests on.
func (a *Answer) Scope() string {
	s := fmt.Sprintf(windows[a.Lang], a.Window.Hours(), a.Measures)
	if a.LeftOut > 0 {
		s += fmt.Sprintf(laters[a.Lang], a.LeftOut)
	}
	return s + stops[a.Lang]
}
