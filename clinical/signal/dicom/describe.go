package dicom

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/bedside-lm/bedside/clinical/signal"
	"github.com/bedside-lm/bedside/clinical/terms"
)

// describer puts tags into words.
type describer struct {
	*signal.Description
	t       *tags
	chinese bool
}

func describe(t *tags, lang terms.Lang) *signal.Description {
	d := &describer{Description: &signal.Description{}, t: t, chinese: lang == terms.Chinese}
	d.Label = t.codeString(tagModality)
	d.subject()
	d.matrix()
	d.origin()
	d.limits()
	return d.Description
}

func (d *describer) say(en, zh string) string { return word{en, zh}.in(d.chinese) }

func (d *describer) sentence(en, zh string, args ...any) {
	d.Sentences = append(d.Sentences, fmt.Sprintf(d.say(en, zh), args...))
}

func (d *describer) text(key, value string) { d.AddText(key, keys[key].in(d.chinese), value) }

func (d *describer) number(key string, value float64, unit string) {
	d.AddNumber(key, keys[key].in(d.chinese), value, unit)
}

// named finds a code's words; a code that has none stands for itself.
func (d *describer) named(table map[string]word, code string) string {
	if w, ok := table[code]; ok {
		return w.in(d.chinese)
	}
	return code
}

// subject says what kind of image of what it is.
func (d *describer) subject() {
	side := d.t.codeString(tagImageLaterality)
	if side == "" {
		side = d.t.codeString(tagLaterality)
	}
	for _, f := range []struct {
		key    string
		code   string
		table  map[string]word
		en, zh string
	}{
		{"modality", d.Label, modalities, "The file says it is of modality %s.", "文件标明检查方式为%s。"},
		{"body-part", d.t.codeString(tagBodyPart), bodyParts, "It says that the body part is: %s.", "标明的检查部位为：%s。"},
		{"view", d.t.codeString(tagViewPosition), views, "It says that the view is: %s.", "标明的投照体位为：%s。"},
		{"laterality", side, sides, "It says that the side is: %s.", "标明的侧别为：%s。"},
	} {
		if f.code == "" {
			continue
		}
		name := d.named(f.table, f.code)
		if name != f.code {
			name += d.say(" (", "（") + f.code + d.say(")", "）")
		}
		d.text(f.key, name)
		d.sentence(f.en, f.zh, name)
	}
}

// matrix says how large the image is.
func (d *describer) matrix() {
	columns, hasColumns := d.t.short(tagColumns)
	rows, hasRows := d.t.short(tagRows)
	if !hasColumns || !hasRows {
		d.sentence("The file holds no image.", "文件中没有图像。")
		return
	}
	d.Kind = signal.KindImage
	d.number("columns", float64(columns), "1")
	d.number("rows", float64(rows), "1")
	frames, several := d.t.integer(tagFrames)
	if !several {
		frames = 1
	}
	d.number("frames", float64(frames), "1")
	if frames == 1 {
		d.sentence("The image is %d pixels wide and %d high.", "图像宽%d像素，高%d像素。", columns, rows)
	} else {
		d.sentence("The images are %d pixels wide and %d high; there are %d of them.", "图像宽%d像素，高%d像素，共%d帧。", columns, rows, frames)
	}
	if bits, ok := d.t.short(tagBitsStored); ok {
		d.number("bits", float64(bits), "bit")
		d.sentence("Each sample has %d bits.", "每个采样%d位。", bits)
	}
	if n, ok := d.t.short(tagSamplesPerPixel); ok {
		d.number("samples-per-pixel", float64(n), "1")
		if n > 1 {
			d.sentence("Each pixel has %d samples.", "每像素%d个采样。", n)
		}
	}
	if s := d.t.decimals(tagPixelSpacing); len(s) == 2 {
		d.number("pixel-spacing", s[0], "mm")
		d.sentence("Rows are %s mm apart and columns %s mm.", "行间距%s mm，列间距%s mm。", decimal(s[0]), decimal(s[1]))
	}
	if s := d.t.decimals(tagSliceThickness); len(s) == 1 {
		d.number("slice-thickness", s[0], "mm")
		d.sentence("Slices are %s mm thick.", "层厚%s mm。", decimal(s[0]))
	}
}

func decimal(v float64) string { return strconv.FormatFloat(v, 'g', 6, 64) }

// origin says when and with what the image was taken, and as which procedure.
func (d *describer) origin() {
	if at := d.t.acquired(); at != "" {
		d.text("acquired", at)
		d.sentence("It was acquired at %s, by the device's clock.", "采集时间（设备时钟）为%s。", strings.Replace(at, "T", " ", 1))
	}
	maker, model := d.t.words(tagManufacturer), d.t.words(tagModelName)
	if maker != "" {
		d.text("manufacturer", maker)
	}
	if model != "" {
		d.text("model", model)
	}
	if s := strings.TrimSpace(maker + " " + model); s != "" {
		d.sentence("The device is: %s.", "设备：%s。", s)
	}
	for _, c := range d.t.codes {
		if c.value == "" || c.scheme == "" {
			continue
		}
		d.text("procedure-code", c.scheme+" "+c.value)
		d.sentence("The procedure has the code %s of %s.", "检查项目代码为%s（%s）。", c.value, c.scheme)
	}
}

// limits says what was not looked at.
func (d *describer) limits() {
	limit := func(en, zh string) { d.Limits = append(d.Limits, d.say(en, zh)) }
	if d.Kind == signal.KindImage {
		limit("The image itself was not looked at: nothing that it shows was found or ruled out.",
			"未分析图像内容：既未发现也未排除任何影像学表现。")
	}
	limit("What the tags say was not checked against the image. Tags that name the patient, staff or institutions, and descriptions that people typed, were not read.",
		"未将标签内容与图像核对。未读取标识患者、人员或机构的标签，也未读取人工输入的描述。")
	if d.t.codeString(tagBurnedIn) == "YES" {
		limit("The file says that text is burned into the image; it may name the patient.", "文件标明图像中嵌有文字，其中可能包含患者身份信息。")
	}
	if d.t.codeString(tagLossy) == "01" {
		limit("The image has been compressed with loss.", "图像经过有损压缩。")
	}
}
