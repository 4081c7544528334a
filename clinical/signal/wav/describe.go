package wav

import (
	"fmt"
	"math"
	"strconv"

	"github.com/bedside-lm/bedside/clinical/signal"
	"github.com/bedside-lm/bedside/clinical/terms"
)

// describer puts measures into words.
type describer struct {
	*signal.Description
	chinese bool
}

func (d *describer) say(en, zh string) string {
	if d.chinese {
		return zh
	}
	return en
}

func (d *describer) sentence(en, zh string, args ...any) {
	d.Sentences = append(d.Sentences, fmt.Sprintf(d.say(en, zh), args...))
}

func (d *describer) limit(en, zh string, args ...any) {
	d.Limits = append(d.Limits, fmt.Sprintf(d.say(en, zh), args...))
}

// round gives v with at most so many decimals.
func round(v float64, decimals int) float64 {
	p := math.Pow10(decimals)
	return math.Round(v*p) / p
}

func number(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

func describe(f *file, m *measured, b breath, lang terms.Lang) *signal.Description {
	d := &describer{&signal.Description{Kind: signal.KindSound}, lang == terms.Chinese}
	d.form(f)
	d.level(m)
	d.breathing(b)
	d.limit("No sound was recognised: no word, no cough, no wheeze or crackle was found or ruled out.",
		"未识别任何声音：既未发现也未排除语音、咳嗽、哮鸣音或湿啰音。")
	if m.bad > 0 {
		d.limit("%d samples are no numbers and were taken as silence.", "有%d个采样不是数值，按静音处理。", m.bad)
	}
	if f.open {
		d.limit("The file does not say how long it is; it may have been cut off.", "文件未标明长度，可能不完整。")
	}
	return d.Description
}

// form says how long and how the sound was recorded.
func (d *describer) form(f *file) {
	seconds := round(f.seconds(), 2)
	d.AddNumber("duration", d.say("duration", "时长"), seconds, "s")
	d.AddNumber("sample-rate", d.say("sample rate", "采样率"), float64(f.rate), "Hz")
	d.AddNumber("channels", d.say("channels", "声道数"), float64(f.channels), "1")
	d.AddNumber("bits", d.say("bits per sample", "采样位数"), float64(f.bits), "bit")
	channels := d.say("one channel", "单声道")
	if f.channels > 1 {
		channels = fmt.Sprintf(d.say("%d channels", "%d个声道"), f.channels)
	}
	d.sentence("The sound lasts %s s (%s, %d samples a second).", "声音时长%s秒（%s，采样率%d Hz）。", number(seconds), channels, f.rate)
}

// level says how loud the recording is. Against what it was calibrated is not known, so there
// is no sound pressure.
func (d *describer) level(m *measured) {
	if m.peak == 0 {
		d.sentence("It is silent.", "录音为静音。")
		return
	}
	peak := round(decibel(m.peak), 1)
	if m.rms > 0 {
		rms := round(decibel(m.rms), 1)
		d.AddNumber("level-rms", d.say("mean level (RMS, against full scale)", "平均电平（均方根，相对满刻度）"), rms, "dB")
		d.sentence("Its mean level is %s dBFS and its peak %s dBFS.", "平均电平%s dBFS，峰值%s dBFS。", number(rms), number(peak))
	}
	d.AddNumber("level-peak", d.say("peak level (against full scale)", "峰值电平（相对满刻度）"), peak, "dB")
	share := round(100*m.clipped, 3)
	d.AddNumber("clipping", d.say("samples at full scale", "满刻度采样比例"), share, "%")
	if share > 0 {
		d.sentence("%s%% of the samples are at full scale, where sound is cut off.", "%s%%的采样达到满刻度，声音可能被削波。", number(share))
	}
	d.limit("Levels are those of the file; how loud the sound was is not known.", "电平为文件内的数值，实际声压未知。")
}

func decibel(v float64) float64 { return 20 * math.Log10(v) }

// breathing says at what rate the sound swells and fades.
func (d *describer) breathing(b breath) {
	name := d.say("breath rate, from the rhythm of the sound", "呼吸频率（由声音节律推算）")
	if !b.assessed {
		d.limit("A breath rate was not looked for: that takes at least %d s and %d samples a second.",
			"未估算呼吸频率：至少需要%d秒录音和%d Hz采样率。", leastTime/envelopeRate, int(10*envelopeFrom))
		return
	}
	if !b.found {
		d.AddText("breath-rate", name, d.say("not detected", "未检出"))
		d.sentence("No rhythm like that of breathing was detected.", "未检出类似呼吸的节律。")
		d.limit("That no breath rate was detected does not mean that there was no breathing.", "未检出呼吸频率并不表示没有呼吸。")
	} else {
		rate, confidence := round(b.perMinute, 1), round(b.confidence, 2)
		d.AddNumber("breath-rate", name, rate, "/min")
		d.AddNumber("breath-rate-confidence", d.say("confidence of the breath rate", "呼吸频率置信度"), confidence, "1")
		d.sentence("It swells and fades %s times a minute, as breathing may (confidence %s of 1).", "声音每分钟起伏%s次，可能为呼吸节律（置信度%s，满分1）。",
			number(rate), number(confidence))
		d.limit("Other sounds with a slow, even rhythm, such as a ventilator's or a pump's, are counted as breathing, and breaths whose two halves sound alike are counted twice.",
			"呼吸机、泵等具有缓慢规则节律的声音会被当作呼吸；吸气与呼气声音相近时，频率可能被重复计数。")
	}
	d.limit("Rates below %s and above %d a minute are not seen in this recording.", "本录音无法识别每分钟低于%s次或高于%d次的频率。",
		number(round(b.slowest, 1)), int(60*fastest))
}
