package signal

import (
	"github.com/bedside-lm/bedside/clinical/signal/breath"
	"github.com/bedside-lm/bedside/clinical/signal/pulse"
)

func (w *writer) ppg(r *pulse.PPG) {
	w.sentence(phrase{"Pulse rate %s; pulse intervals vary by %s.", "脉率%s；脉搏间期变异%s。"},
		w.number("pulse-rate", r.Rate, 0, "/min"), w.number("interval-variation", r.Spread, 0, "%"))
	w.sentence(phrase{"The height of the pulses varies by %s.", "脉搏波幅变异%s。"}, w.number("pulse-variation", r.Variation, 0, "%"))
	if r.Perfusion > 0 {
		w.sentence(phrase{"The pulse is %s of the steady signal, a measure like the perfusion index.", "脉动成分为稳态信号的%s，近似灌注指数。"},
			w.number("perfusion", r.Perfusion, 1, "%"))
	} else {
		w.limit(phrase{"The curve has no steady part, so perfusion was not assessed.", "波形无稳态成分，因此未评估灌注。"})
	}
	w.limit(phrase{"Oxygen saturation is not in this curve; a pulse rate is not a heart rhythm.", "该波形不含血氧饱和度；脉率不等同于心律。"})
}

// dampings say whether the pressure curve looks damped.
var dampings = map[bool]phrase{true: {"suspected", "可疑"}, false: {"not suspected", "未见可疑"}}

func (w *writer) abp(r *pulse.ABP) {
	w.sentence(phrase{"Arterial pressure %s systolic, %s diastolic, %s mean; pulse pressure %s.", "动脉压：收缩压%s，舒张压%s，平均压%s；脉压%s。"},
		w.number("systolic", r.Systolic, 0, "mm[Hg]"), w.number("diastolic", r.Diastolic, 0, "mm[Hg]"),
		w.number("mean-pressure", r.Mean, 0, "mm[Hg]"), w.number("pulse-pressure", r.PulsePressure, 0, "mm[Hg]"))
	w.sentence(phrase{"Pulse rate %s.", "脉率%s。"}, w.number("pulse-rate", r.Rate, 0, "/min"))
	if r.Unlikely >= 0.01 {
		w.sentence(phrase{"Of the beats, %s have pressures that are unlikely or leap.", "%s的心搏压力值可疑或骤变。"},
			w.number("unlikely-beats", 100*r.Unlikely, 0, "%"))
	}
	if r.Flushes > 0 {
		w.sentence(phrase{"Flushes of the line: %s.", "管路冲洗：%s次。"}, w.count("flushes", r.Flushes))
	}
	if r.Level > 0 {
		w.sentence(phrase{"Without pulsation: %s, as with a closed or zeroed line.", "无搏动：%s，如管路关闭或调零时。"},
			w.number("level-time", r.Level, 1, "s"))
	}
	w.sentence(phrase{"Damping of the curve: %s.", "波形阻尼：%s。"}, w.text("damping", dampings[r.Damped]))
	w.limit(phrase{"Damping is judged by shape alone; only a flush test shows it. The height of the transducer is not known.",
		"阻尼仅凭形态判断，须经冲洗试验确认。换能器的高度未知。"})
}

// pausesOf tells pauses in breathing.
func (w *writer) pausesOf(n int, longest float64) {
	at := w.quantity(breath.PauseLength, 0, "s")
	if n == 0 {
		w.sentence(phrase{"Pauses in breathing of %s or more: %s.", "%s及以上的呼吸暂停：%s次。"}, at, w.count("apnoeas", n))
		return
	}
	w.sentence(phrase{"Pauses in breathing of %s or more: %s; the longest %s.", "%s及以上的呼吸暂停：%s次；最长%s。"},
		at, w.count("apnoeas", n), w.number("longest-apnoea", longest, 1, "s"))
}

func (w *writer) breathing(r *breath.Movement) {
	w.sentence(phrase{"Respiratory rate %s outside pauses; breath intervals vary by %s.", "呼吸频率%s（不含暂停）；呼吸间期变异%s。"},
		w.number("respiratory-rate", r.Rate, 0, "/min"), w.number("interval-variation", r.Spread, 0, "%"))
	w.pausesOf(r.Pauses, r.LongestPause)
	w.limit(phrase{"Movement or flow alone tells neither the volume of breaths nor whether the airway is open.",
		"仅凭运动或气流无法得知潮气量或气道是否通畅。"})
}

func (w *writer) co2(r *breath.CO2, unit string) {
	digits := 0
	if unit != "mm[Hg]" {
		digits = 1
	}
	w.sentence(phrase{"End-tidal CO2 %s, the median of the breaths; 5th to 95th percentile %s to %s.", "呼气末CO2 %s（各次呼吸的中位数）；第5至第95百分位%s至%s。"},
		w.number("end-tidal", r.EndTidal, digits, unit), w.number("end-tidal-low", r.EndTidalLow, digits, unit),
		w.number("end-tidal-high", r.EndTidalHigh, digits, unit))
	w.sentence(phrase{"Inspired CO2 %s.", "吸入CO2 %s。"}, w.number("inspired-co2", r.Inspired, digits, unit))
	w.sentence(phrase{"Respiratory rate %s outside pauses; breath intervals vary by %s.", "呼吸频率%s（不含暂停）；呼吸间期变异%s。"},
		w.number("respiratory-rate", r.Rate, 0, "/min"), w.number("interval-variation", r.Spread, 0, "%"))
	w.pausesOf(r.Pauses, r.LongestPause)
	w.limit(phrase{"Leaks, sampling delay and the shape of the plateau were not assessed.", "未评估漏气、采样延迟及平台形态。"})
}
