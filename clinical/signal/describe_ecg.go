package signal

import "github.com/bedside-lm/bedside/clinical/signal/ecg"

// rhythmNames say what the intervals show, and no more.
var rhythmNames = map[ecg.Rhythm]phrase{
	ecg.Sinus:              {"sinus rhythm", "窦性心律"},
	ecg.SinusTachycardia:   {"sinus tachycardia", "窦性心动过速"},
	ecg.SinusBradycardia:   {"sinus bradycardia", "窦性心动过缓"},
	ecg.SinusArrhythmia:    {"sinus arrhythmia", "窦性心律不齐"},
	ecg.AtrialFibrillation: {"irregular without order, as in atrial fibrillation", "心律绝对不齐，符合心房颤动"},
	ecg.Ectopy:             {"rhythm with premature beats", "伴早搏的心律"},
	ecg.Bigeminy:           {"bigeminy", "二联律"},
	ecg.Trigeminy:          {"trigeminy", "三联律"},
	ecg.Regular:            {"regular rhythm, class uncertain", "心律规整，类型不确定"},
	ecg.Irregular:          {"irregular rhythm, class uncertain", "心律不规整，类型不确定"},
	ecg.NotAssessable:      {"not named: too few certain intervals", "未命名：可靠间期过少"},
}

// sights say whether something was seen.
var sights = map[ecg.Sight]phrase{
	ecg.Seen: {"seen", "可见"}, ecg.Unseen: {"not seen", "未见"}, ecg.Unclear: {"could not be looked for", "无法判断"},
}

func (w *writer) ecg(r *ecg.Result) {
	w.sentence(phrase{"Heart rate %s, from %s certain RR intervals.", "心率%s，依据%s个可靠的RR间期。"},
		w.number("heart-rate", r.HeartRate, 0, "/min"), w.count("rr-intervals", r.Intervals))
	w.sentence(phrase{"Rhythm by RR intervals and P waves of this lead: %s; P waves: %s.", "依据本导联RR间期与P波的心律：%s；P波：%s。"},
		w.text("rhythm", rhythmNames[r.Rhythm]), w.text("p-waves", sights[r.PWaves]))
	w.sentence(phrase{"RR intervals: mean %s.", "RR间期：平均%s。"}, w.number("mean-rr", 1000*r.MeanRR, 0, "ms"))
	if r.SDNN > 0 {
		w.sentence(phrase{"Between beats neither premature nor broad: SDNN %s, RMSSD %s, pNN50 %s.", "非早搏、非宽QRS心搏之间：SDNN %s，RMSSD %s，pNN50 %s。"},
			w.number("sdnn", 1000*r.SDNN, 0, "ms"), w.number("rmssd", 1000*r.RMSSD, 0, "ms"), w.number("pnn50", r.PNN50, 0, "%"))
	}
	if r.QRS > 0 {
		w.sentence(phrase{"QRS duration %s.", "QRS时限%s。"}, w.number("qrs-duration", r.QRS, 0, "ms"))
		w.limit(phrase{"The QRS duration is of one lead's average beat; on simulated beats it was within %s of the truth nine times in ten.",
			"QRS时限取自单导联平均心搏；在模拟心搏上，十次中有九次与真值相差不超过%s。"}, w.quantity(ecg.QRSError, 0, "ms"))
	} else {
		w.limit(phrase{"The QRS duration could not be measured.", "无法测量QRS时限。"})
	}
	w.ectopy(r)
	if r.Pauses > 0 {
		w.sentence(phrase{"Intervals of %s or more: %s; the longest %s.", "%s及以上的间歇：%s次；最长%s。"},
			w.quantity(ecg.PauseLength, 0, "s"), w.count("pauses", r.Pauses), w.number("longest-pause", r.LongestPause, 1, "s"))
	}
	w.limit(phrase{"One lead, measured by rules: the rhythm needs a clinician's eye; ST segment, QT interval, axis and the kind of a tachycardia were not assessed.",
		"单导联、按规则测量：心律须由临床医生判读；未评估ST段、QT间期、电轴及心动过速的类型。"})
}

func (w *writer) ectopy(r *ecg.Result) {
	if r.Rhythm == ecg.AtrialFibrillation {
		w.limit(phrase{"Premature beats cannot be told in a rhythm without order.", "在无规律的心律中无法识别早搏。"})
	} else {
		n := r.PrematureBroad + r.PrematureNarrow + r.PrematureUnclear
		w.sentence(phrase{"Premature beats: %s.", "早搏：%s次。"}, w.count("premature-beats", n))
		if n > 0 {
			w.sentence(phrase{"Of these with a broad QRS, as ventricular ones have: %s; narrow: %s; of unclear width: %s.",
				"其中宽QRS（类似室性）：%s次；窄QRS：%s次；宽度不明：%s次。"},
				w.count("premature-broad", r.PrematureBroad), w.count("premature-narrow", r.PrematureNarrow),
				w.count("premature-unclear", r.PrematureUnclear))
		}
	}
	if r.Broad > r.PrematureBroad {
		w.sentence(phrase{"Broad beats of another shape than most, premature or not: %s.", "形态异于多数的宽QRS心搏（无论是否提前）：%s次。"},
			w.count("broad-beats", r.Broad))
	}
}
