package dicom_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	library "github.com/suyashkumar/dicom"
	"github.com/suyashkumar/dicom/pkg/tag"
	"pgregory.net/rapid"

	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/signal"
	"github.com/bedside-lm/bedside/clinical/signal/dicom"
	"github.com/bedside-lm/bedside/clinical/terms"
)

func readFile(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	return data
}

func found(d *signal.Description) string {
	var out []string
	for _, f := range d.Findings {
		v := f.Text
		if f.Number != nil {
			v = strings.TrimSpace(fmt.Sprint(*f.Number, " ", f.Unit))
		}
		out = append(out, f.Key+"="+v)
	}
	return strings.Join(out, "; ")
}

func TestDescribe(t *testing.T) {
	const device = "; acquired=2031-03-15T22:05:07; manufacturer=Example Medical; model=XR-5"
	for name, c := range map[string]struct {
		kind  signal.Kind
		found string
	}{
		"explicit.dcm": {signal.KindImage, "modality=digital radiography (DX); body-part=chest (CHEST); view=posterior to anterior (PA); laterality=left (L); " +
			"columns=6 1; rows=4 1; frames=1 1; bits=12 bit; samples-per-pixel=1 1; pixel-spacing=0.139 mm" + device + "; procedure-code=LN 36572-6"},
		"implicit.dcm": {signal.KindImage, "modality=computed tomography (CT); body-part=head (HEAD); columns=6 1; rows=4 1; frames=3 1; bits=12 bit; " +
			"samples-per-pixel=1 1; slice-thickness=1.25 mm" + device + "; procedure-code=LN 36572-6"},
		"jpeg.dcm": {signal.KindImage, "modality=ultrasound (US); columns=6 1; rows=4 1; frames=1 1; bits=12 bit; samples-per-pixel=1 1" + device +
			"; procedure-code=LN 36572-6"},
		"big.dcm":    {signal.KindImage, "modality=magnetic resonance imaging (MR); columns=6 1; rows=4 1; frames=1 1; bits=12 bit; samples-per-pixel=1 1" + device},
		"report.dcm": {signal.KindUnknown, "modality=structured report (SR); acquired=2031-03-15T22:05:07; manufacturer=示例医疗; model=XR-5"},
	} {
		got, err := dicom.Describer{}.Describe(readFile(t, name), terms.English)
		require.NoError(t, err, name)
		require.Equal(t, c.kind, got.Kind, name)
		require.Equal(t, c.found, found(got), name)
		require.Nil(t, got.Quality)
	}
}

func TestSentences(t *testing.T) {
	for lang, want := range map[terms.Lang]struct{ sentences, limits []string }{
		terms.English: {
			[]string{
				"The file says it is of modality digital radiography (DX).", "It says that the body part is: chest (CHEST).",
				"It says that the view is: posterior to anterior (PA).", "It says that the side is: left (L).",
				"The image is 6 pixels wide and 4 high.", "Each sample has 12 bits.", "Rows are 0.139 mm apart and columns 0.14 mm.",
				"It was acquired at 2031-03-15 22:05:07, by the device's clock.", "The device is: Example Medical XR-5.",
				"The procedure has the code 36572-6 of LN.",
			},
			[]string{
				"The image itself was not looked at: nothing that it shows was found or ruled out.",
				"What the tags say was not checked against the image. Tags that name the patient, staff or institutions, and descriptions that people typed, were not read.",
				"The file says that text is burned into the image; it may name the patient.",
			},
		},
		terms.Chinese: {
			[]string{
				"文件标明检查方式为数字X线摄影（DX）。", "标明的检查部位为：胸部（CHEST）。", "标明的投照体位为：后前位（PA）。", "标明的侧别为：左侧（L）。",
				"图像宽6像素，高4像素。", "每个采样12位。", "行间距0.139 mm，列间距0.14 mm。", "采集时间（设备时钟）为2031-03-15 22:05:07。",
				"设备：Example Medical XR-5。", "检查项目代码为36572-6（LN）。",
			},
			[]string{
				"未分析图像内容：既未发现也未排除任何影像学表现。",
				"未将标签内容与图像核对。未读取标识患者、人员或机构的标签，也未读取人工输入的描述。",
				"文件标明图像中嵌有文字，其中可能包含患者身份信息。",
			},
		},
	} {
		got, err := dicom.Describer{}.Describe(readFile(t, "explicit.dcm"), lang)
		require.NoError(t, err)
		require.Equal(t, want.sentences, got.Sentences)
		require.Equal(t, want.limits, got.Limits)
	}
}

// secrets are what the files hold of persons, and must not come out.
var secrets = []string{
	"Madeup", "Wilhelmina", "PATCODE77", "19530917", "Hospital", "Physician", "Someone", "ACCESSION88", "SERIAL66", "Private", "1.2.3.4", "WRONG", "NESTED", "FOOT",
}

func TestNoIdentifiersAreRead(t *testing.T) {
	data := readFile(t, "explicit.dcm")
	for _, lang := range []terms.Lang{terms.English, terms.Chinese} {
		got, err := dicom.Describer{}.Describe(data, lang)
		require.NoError(t, err)
		shown := fmt.Sprintf("%+v", got)
		for _, s := range secrets {
			require.Contains(t, string(data), s, "the file should hold what is looked for")
			require.NotContains(t, shown, s)
		}
	}
}

// TestFreeTextInACodeIsLeftOut holds that what a person typed into a field for codes does not come out.
func TestFreeTextInACodeIsLeftOut(t *testing.T) {
	data := bytes.Replace(readFile(t, "explicit.dcm"), []byte("CS\x06\x00CHEST "), []byte("CS\x06\x00Mr X. "), 1)
	got, err := dicom.Describer{}.Describe(data, terms.English)
	require.NoError(t, err)
	require.Nil(t, got.Finding("body-part"))
	require.NotContains(t, fmt.Sprintf("%+v", got), "Mr X")
}

// TestAgreesWithTheLibrary holds that what another implementation writes is read as it was meant.
func TestAgreesWithTheLibrary(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		syntax := rapid.SampledFrom([]string{"1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"}).Draw(t, "syntax")
		modality := rapid.SampledFrom([]string{"CT", "MR", "XA"}).Draw(t, "modality")
		rows, columns := rapid.IntRange(1, 65535).Draw(t, "rows"), rapid.IntRange(1, 65535).Draw(t, "columns")
		maker := rapid.StringMatching(`[A-Z][a-z]{1,20}`).Draw(t, "maker")
		elements := []*library.Element{}
		add := func(tg tag.Tag, v any) {
			e, err := library.NewElement(tg, v)
			require.NoError(t, err)
			elements = append(elements, e)
		}
		add(tag.MediaStorageSOPClassUID, []string{"1.2.840.10008.5.1.4.1.1.2"})
		add(tag.MediaStorageSOPInstanceUID, []string{"1.2.3"})
		add(tag.TransferSyntaxUID, []string{syntax})
		add(tag.Modality, []string{modality})
		add(tag.Manufacturer, []string{maker})
		if rapid.Bool().Draw(t, "codes") {
			code, err := library.NewElement(tag.CodeValue, []string{"77"})
			require.NoError(t, err)
			scheme, err := library.NewElement(tag.CodingSchemeDesignator, []string{"99T"})
			require.NoError(t, err)
			add(tag.ProcedureCodeSequence, [][]*library.Element{{code, scheme}})
		}
		add(tag.PatientName, []string{"Madeup^Wilhelmina"})
		add(tag.Rows, []int{rows})
		add(tag.Columns, []int{columns})
		var b bytes.Buffer
		require.NoError(t, library.Write(&b, library.Dataset{Elements: elements}))
		got, err := dicom.Describer{}.Describe(b.Bytes(), terms.English)
		require.NoError(t, err)
		require.Equal(t, modality, got.Label)
		require.Equal(t, maker, got.Finding("manufacturer").Text)
		require.InDelta(t, rows, *got.Finding("rows").Number, 0)
		require.InDelta(t, columns, *got.Finding("columns").Number, 0)
		if c := got.Finding("procedure-code"); c != nil {
			require.Equal(t, "99T 77", c.Text)
		}
	})
}

// head is a file with a preamble and a transfer syntax.
func head(syntax string) []byte {
	if len(syntax)%2 == 1 {
		syntax += "\x00"
	}
	out := append(make([]byte, 128), "DICM\x02\x00\x10\x00UI"...)
	return append(append(out, byte(len(syntax)), 0), syntax...)
}

func explicit() []byte { return head("1.2.840.10008.1.2.1") }

func TestRefuses(t *testing.T) {
	at := len(explicit())
	sequence := "\x08\x00\x32\x10SQ\x00\x00\xff\xff\xff\xff"
	item := "\xfe\xff\x00\xe0\xff\xff\xff\xff"
	for name, c := range map[string]struct {
		data    []byte
		at      int
		message string
	}{
		"no magic":          {make([]byte, 200), 128, "DICM"},
		"short":             {[]byte("DICM"), 128, "DICM"},
		"no syntax":         {append(explicit()[:132], "\x08\x00\x60\x00CS\x02\x00CT"...), 132, "transfer syntax"},
		"deflated":          {append(head("1.2.840.10008.1.2.1.99"), "\x08\x00\x60\x00CS\x02\x00CT"...), len(head("1.2.840.10008.1.2.1.99")), "deflated"},
		"half an element":   {append(explicit(), 8, 0, 0x60), at, "at least 8 bytes"},
		"half a long head":  {append(explicit(), "\x08\x00\x60\x00OB\x00\x00"...), at, "at least 12 bytes"},
		"longer than file":  {append(explicit(), "\x08\x00\x60\x00CS\x04\x00CT"...), at, "longer than"},
		"no representation": {append(explicit(), "\x08\x00\x60\x00cs\x02\x00CT"...), at + 4, "value representation"},
		"undefined length":  {append(explicit(), "\x09\x00\x60\x00OB\x00\x00\xff\xff\xff\xff"...), at, "only sequences"},
		"value too long":    {append(explicit(), "\x08\x00\x60\x00CS\x01\x01"+strings.Repeat("A", 257)...), at, "at most 256"},
		"item outside":      {append(explicit(), item...), at, "outside"},
		"no item":           {append(explicit(), sequence+"\x08\x00\x60\x00CS\x02\x00CT"...), at + 12, "expected an item"},
		"item in item":      {append(explicit(), sequence+item+item...), at + 20, "within an item"},
		"end of nothing":    {append(explicit(), sequence+"\xfe\xff\x0d\xe0\x00\x00\x00\x00"...), at + 12, "where none ends"},
		"unfinished":        {append(explicit(), sequence+item...), at + 20, "ends within"},
		"long item":         {append(explicit(), "\x08\x00\x32\x10SQ\x00\x00\x08\x00\x00\x00\xfe\xff\x00\xe0\x01\x00\x00\x00"...), at + 12, "longer than its sequence"},
	} {
		_, err := dicom.Describer{}.Describe(c.data, terms.English)
		var invalid *record.InvalidError
		require.True(t, errors.As(err, &invalid), "%s: %v", name, err)
		require.Equal(t, fmt.Sprintf("file.byte[%d]", c.at), invalid.Violations[0].Path, name)
		require.Contains(t, invalid.Violations[0].Message, c.message, name)
	}
}

func TestLimits(t *testing.T) {
	nested := strings.Repeat("\x08\x00\x32\x10SQ\x00\x00\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff", 100_000)
	for name, c := range map[string]struct {
		data []byte
		lim  dicom.Limits
		what string
	}{
		"bytes":    {explicit(), dicom.Limits{Bytes: 100}, "bytes"},
		"elements": {append(explicit(), strings.Repeat("\x08\x00\x60\x00CS\x00\x00", 10)...), dicom.Limits{Elements: 9}, "data elements"},
		"depth":    {append(explicit(), nested...), dicom.Limits{}, "nested sequences"},
	} {
		_, err := dicom.Describer{Limits: c.lim}.Describe(c.data, terms.English)
		var limit *record.LimitError
		require.True(t, errors.As(err, &limit), "%s: %v", name, err)
		require.Equal(t, c.what, limit.What, name)
	}
}
