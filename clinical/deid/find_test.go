package deid_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/clinical/deid"
)

// marked gives a text in which each finding stands as <TYPE value>.
func marked(text string, lang deid.Lang, known *deid.Known) string {
	var b strings.Builder
	at := 0
	for _, f := range deid.Find(text, lang, known) {
		b.WriteString(text[at:f.Start] + "<" + string(f.Type) + " " + text[f.Start:f.End] + ">")
		at = f.End
	}
	return b.String() + text[at:]
}

func TestFindEachTypeInText(t *testing.T) {
	for _, want := range []string{
		// English
		"Seen by Dr. <NAME Adebayo> and <NAME Jane R. Whitfield>, RN.",
		"NAME: <NAME OKAFOR, CHIDI>  MRN <MRN 0098123>",
		"<NAME Whitcombe, Alice> was admitted on <DATE March 3rd, 2021>.",
		"Mrs. <NAME O'Brien-Smith> lives at <ADDRESS 12 N. Chestnut Street Apt 4B, Salem>, MA <ZIP 01970>.",
		"She is a <AGE 93>-year-old woman; her sister is 88 years old.",
		"Phone <PHONE (617) 555-0142 x12>, fax <PHONE 617.555.0143>, mail <EMAIL ruth.o@example.org>.",
		"SSN <SSN 536-48-2210>; policy number <HEALTH_PLAN XYZ99812345>; account <ACCOUNT 5512-77>.",
		"Card <BANK_CARD 4111 1111 1111 1111>, VIN <VEHICLE 1HGCM82633A004352>.",
		"UDI <DEVICE (01)00844588003288(17)141120(21)10987654d321>, serial number <DEVICE SN-77120>.",
		"Passport <PASSPORT C03005988>, driver's license <LICENSE D1234567>.",
		"See <URL https://ehr.example.org/p/1>, from <IP 10.2.3.4> and <IP 2001:db8::8a2e:370:7334>.",
		"Last on <DATE 2023-01-31>, <DATE 1/31/23> and <DATE 31 Jan 2023>; next in <DATE June>.",
		// Chinese
		"患者<NAME 张伟>，男，<AGE 92>岁，<DATE 2023年5月6日>入院。",
		"身份证号：<RESIDENT_ID 11010519491231002X>，手机<PHONE 13912345678>。",
		"家属<NAME 欧阳娜娜>（电话<PHONE 010-62345678>），微信号<WECHAT wx_lili88>。",
		"住址：<ADDRESS 浙江省杭州市西湖区文三路23号4栋2单元501室>，邮编<ZIP 310012>。",
		"住院号<MRN ZY00123456>，医保卡号<HEALTH_PLAN A12345678>，车牌<VEHICLE 浙A12345>。",
		"<NAME 王>医生查房，护照号<PASSPORT E12345678>。",
		"患者九十岁：<AGE 九十五>岁的母亲健在。",
	} {
		plain := strings.NewReplacer(">", "").Replace(stripTags(want))
		if strings.Contains(plain, "九十岁") { // ninety is told, too
			want = strings.Replace(want, "患者九十岁", "患者<AGE 九十>岁", 1)
		}
		require.Equal(t, want, marked(plain, deid.Auto, nil))
	}
}

func stripTags(s string) string {
	for _, t := range deid.Types() {
		s = strings.ReplaceAll(s, "<"+string(t)+" ", "")
	}
	return s
}

func TestFindLeavesWhatOnlyLooksLikeOne(t *testing.T) {
	for _, text := range []string{
		"Parkinson's disease, Crohn's disease and Graves disease; Foley catheter; Babinski sign.",
		"BP 120/80, pH 7.35, platelets 250000/uL, penicillin G 2400000 units, 10^9/L, strength 5/5.",
		"ICD-10 E11.9, LOINC 8867-4, SNOMED 73211009, NCT01234567, HLA-B27, L4-L5, firmware 2.10.3.4.",
		"Past Medical History: Type 2 Diabetes. Chief Complaint: chest pain. Lipitor 40 mg.",
		"A 67-year-old man. Given twice daily at 10:30:45. In 2019 he was well.",
		"诊断：帕金森病，高血压3级，黄疸消退，予何首乌、马来酸依那普利，方案同前。",
		"白细胞12.5×10^9/L，青霉素800万单位，血小板250000/uL，患者67岁。",
		"[NAME] was seen on [DATE]; [MRN-0f3c9d21aa54bb7712ee] 90+ 岁",
	} {
		require.Equal(t, text, marked(text, deid.Auto, nil))
	}
}

func TestFindReadsByTheLanguageAskedFor(t *testing.T) {
	text := "Dr. Adebayo told 患者张伟，男。"
	require.Equal(t, "Dr. <NAME Adebayo> told 患者张伟，男。", marked(text, deid.English, nil))
	require.Equal(t, "Dr. Adebayo told 患者<NAME 张伟>，男。", marked(text, deid.Chinese, nil))
}

func TestFindSearchesForWhatIsKnown(t *testing.T) {
	known := deid.NewKnown()
	known.AddName("Mark Stone")
	known.AddName("Bell")
	known.AddValue("X77-B", deid.MRN)
	require.Equal(t, "<NAME Stone> passed a stone; <MRN x77-b>; Bell palsy; <NAME Bell> agrees.",
		marked("Stone passed a stone; x77-b; Bell palsy; Bell agrees.", deid.Auto, known))
}

func TestNamesFoundOnceAreFoundAgain(t *testing.T) {
	require.Equal(t, "Dr. <NAME Zzyzx> came. <NAME Zzyzx> left.", marked("Dr. Zzyzx came. Zzyzx left.", deid.Auto, nil))
	require.Equal(t, "患者<NAME 李建国>入院。问<NAME 李建国>病史。", marked("患者李建国入院。问李建国病史。", deid.Auto, nil))
}

func FuzzFind(f *testing.F) {
	for _, s := range []string{"Dr. Jane Doe, MRN 12345678, 2024-03-05", "患者张伟，住址：北京市朝阳区建国路1号，13912345678", "Ä'-.\xff", "[NAME] 90+ 岁", "a.b@c.d 1.2.3.4 ::1 京A12345"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if len(s) > 4096 {
			return
		}
		r, err := deid.Text(s, deid.Options{})
		if err != nil {
			return // not UTF-8
		}
		at, out := 0, 0
		for _, x := range r.Spans {
			if x.Start < at || x.End <= x.Start || x.End > len(s) || x.OutStart < out || x.OutEnd > len(r.Text) {
				t.Fatal("spans out of order or out of bounds")
			}
			if s[at:x.Start] != r.Text[out:x.OutStart] {
				t.Fatal("what lies between spans has changed")
			}
			if x.Action == deid.Redact && r.Text[x.OutStart:x.OutEnd] != "["+string(x.Type)+"]" {
				t.Fatal("a redacted value is not its type")
			}
			at, out = x.End, x.OutEnd
		}
	})
}
