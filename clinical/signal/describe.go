package signal

import (
	"fmt"
	"math"

	"github.com/bedside-lm/bedside/clinical/signal/dsp"
	"github.com/bedside-lm/bedside/clinical/terms"
)

// Describe says what each waveform of a recording shows, one description a waveform, in their
// order. What was filed as annotations is told as filed; it plays no part in the findings. The
// findings and their numbers are the same in every language.
func Describe(rec *Recording, lang terms.Lang) []Description {
	out := make([]Description, len(rec.Waveforms))
	for i, w := range rec.Waveforms {
		out[i] = describe(w, Analyse(w), lang)
		out[i].Channel = i
		filed(&writer{&out[i], lang}, rec, i)
	}
	return out
}

func describe(w Waveform, a Analysis, lang terms.Lang) Description {
	d := Description{Kind: w.Kind, Label: w.Label}
	out := &writer{&d, lang}
	quality := a.Quality()
	if quality.Assessed {
		score := math.Round(100*quality.Score) / 100
		d.Quality = &score
	}
	switch {
	case w.Kind == KindUnknown:
		out.unknown(w)
	case !quality.Usable:
		out.refuse(quality.Reason)
	case a.ECG != nil:
		out.ecg(a.ECG)
	case a.PPG != nil:
		out.ppg(a.PPG)
	case a.ABP != nil:
		out.abp(a.ABP)
	case a.Breathing != nil:
		out.breathing(a.Breathing)
	case a.CO2 != nil:
		out.co2(a.CO2, w.Unit)
	}
	out.source(w, a, quality)
	return d
}

// sentence adds one.
func (w *writer) sentence(p phrase, args ...any) {
	w.Sentences = append(w.Sentences, fmt.Sprintf(p.in(w.lang), args...))
}

// limit says what was not assessed.
func (w *writer) limit(p phrase, args ...any) {
	w.Limits = append(w.Limits, fmt.Sprintf(p.in(w.lang), args...))
}

// source says what was looked at, last among the findings and first among the sentences.
func (w *writer) source(wave Waveform, a Analysis, q Quality) {
	said := w.Sentences
	w.Sentences = nil
	name := kindNames[wave.Kind].in(w.lang)
	length := w.number("duration", a.Seconds, 1, "s")
	switch {
	case !(wave.Rate > 0 && wave.Rate <= MaxRate):
		w.sentence(phrase{"%s, of an unusable sampling rate.", "%s，采样率无效。"}, name)
	case q.Assessed:
		w.sentence(phrase{"%s, %s at %s; signal quality %s of 1.", "%s，%s，采样率%s；信号质量%s（满分1）。"},
			name, length, w.quantity(wave.Rate, digitsOf(wave.Rate), "Hz"), w.quantity(*w.Quality, 2, "1"))
	default:
		w.sentence(phrase{"%s, %s at %s; signal quality not assessed.", "%s，%s，采样率%s；未评估信号质量。"},
			name, length, w.quantity(wave.Rate, digitsOf(wave.Rate), "Hz"))
	}
	if missing := 100 * a.Missing; missing >= 0.1 {
		w.sentence(phrase{"Of the signal, %s is missing.", "信号缺失%s。"}, w.number("missing", missing, 1, "%"))
	}
	if a.Cut {
		w.limit(phrase{"Only the first %s were analysed.", "仅分析了最初%s。"}, w.quantity(a.Seconds, 0, "s"))
	}
	w.Sentences = append(w.Sentences, said...)
}

// digitsOf keeps 360 as it is and 62.5 too.
func digitsOf(rate float64) int {
	switch {
	case rate == math.Trunc(rate):
		return 0
	case rate >= 0.1:
		return 1
	}
	return 5
}

// reasons why nothing was measured.
var reasons = map[string]phrase{
	"sampling-rate":   {"the sampling rate is outside what can be analysed", "采样率超出可分析范围"},
	"too-short":       {"there is too little signal", "有效信号过短"},
	"flat":            {"the line is flat: a sensor that is off and no activity cannot be told apart", "信号为直线：无法区分传感器脱落与无活动"},
	"too-noisy":       {"it cannot be told from noise", "无法与噪声区分"},
	"too-few-beats":   {"too few heart beats are certain", "可靠的心搏过少"},
	"too-few-pulses":  {"too few pulses are certain", "可靠的脉搏过少"},
	"too-few-breaths": {"too few breaths are certain", "可靠的呼吸过少"},
	"no-unit":         {"its unit is none that its values can be told in", "其单位不能用于该测量"},
}

func (w *writer) refuse(reason string) {
	why := reasons[reason].in(w.lang)
	w.sentence(phrase{"Not assessable: %s.", "无法评估：%s。"}, why)
	w.limit(phrase{"Nothing was measured in this waveform: %s.", "未在该波形中测得任何结果：%s。"}, why)
}

// unknown says of a waveform of unknown kind what can be said of any.
func (w *writer) unknown(wave Waveform) {
	x, _ := head(wave)
	if mid := dsp.Median(x); !math.IsNaN(mid) {
		digits := decimals(dsp.Quantile(x, 0.95) - dsp.Quantile(x, 0.05))
		w.sentence(phrase{"Median %s; between %s and %s nine tenths of the time.", "中位数%s；九成时间介于%s与%s之间。"},
			w.number("median", mid, digits, wave.Unit), w.number("low", dsp.Quantile(x, 0.05), digits, wave.Unit),
			w.number("high", dsp.Quantile(x, 0.95), digits, wave.Unit))
	}
	w.limit(phrase{"What this waveform is of is not known, so its shape was not assessed.", "该波形的种类不明，因此未评估其形态。"})
}

// decimals are enough to tell apart what lies within a span.
func decimals(span float64) int {
	if !(span > 0) {
		return 3
	}
	return min(9, max(0, 2-int(math.Floor(math.Log10(span)))))
}

// rhythmMarks are the rhythm annotations of WFDB (https://physionet.org/physiotools/wag/annot-5.htm);
// what else is filed as text may be what a person typed, and is not repeated.
var rhythmMarks = map[string]bool{
	"(AB": true, "(AFIB": true, "(AFL": true, "(B": true, "(BII": true, "(IVR": true, "(N": true, "(NOD": true, "(P": true,
	"(PREX": true, "(SBR": true, "(SVTA": true, "(T": true, "(VFL": true, "(VT": true,
}

// filed tells what was marked in the recording, of an electrocardiogram's channel.
func filed(w *writer, rec *Recording, channel int) {
	if rec.Waveforms[channel].Kind != KindECG {
		return
	}
	marks := 0
	var rhythms []string
	seen := map[string]bool{}
	for _, a := range rec.Annotations {
		if a.Channel != channel && a.Channel != -1 {
			continue
		}
		marks++
		if rhythmMarks[a.Text] && !seen[a.Text] {
			seen[a.Text] = true
			rhythms = append(rhythms, a.Text)
		}
	}
	if marks == 0 {
		return
	}
	w.sentence(phrase{"Marks filed with the recording, by others and not verified: %s.", "随记录存档、由他人所作且未经核实的标注：%s个。"},
		w.count("filed-marks", marks))
	for _, r := range rhythms {
		w.AddText("filed-rhythm", w.name("filed-rhythm"), r)
		w.sentence(phrase{"A rhythm is filed as %s.", "存档的心律标注：%s。"}, r)
	}
}
