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

// Sentences that no list of cues knows: the names are known by what they are made of.
func TestFindKnowsChineseNamesByThemselves(t *testing.T) {
	for _, want := range []string{
		"接诊后<NAME 曾晓蕾>嘱完善头颅CT，<NAME 鄢立>家人同意。",
		"药房<NAME 位文斌>来电核对剂量，已由<NAME 邬玉珍>确认。",
		"手术安全核查：<NAME 苏俊豪> <NAME 欧阳晓峰> <NAME 段春梅>",
		"这位患者叫<NAME 尉迟秀兰>，是<NAME 杨帆>介绍来的。",
		"三线<NAME 李>教授未通知，<NAME 丽丽>来电。",
		"受试者<NAME 阿依古丽·买买提>，陪同人<NAME 扎西卓玛>。",
		"<NAME 李陈晓雯>今日出院，<NAME 王某某>签字。",
		"与<NAME 周海燕>通话，后者希望转回当地；<NAME 海燕>次日来院。",
	} {
		require.Equal(t, want, marked(stripTags(strings.ReplaceAll(want, ">", "")), deid.Auto, nil))
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
		"黄疸较前减轻，白细胞计数下降，高热已退，张力性气胸待排，金黄色葡萄球菌阳性，何时停药另议，马上调整方案。",
		"帕金森综合征，梅尼埃病，桥本甲状腺炎，杜加·施拉特病；雷贝拉唑护胃，易善复保肝，舒普深抗感染。",
		"沈阳出差史，武汉旅居史，单孔腹腔镜，连续性杂音，父母均体健，于门诊取药，任何不适随诊，病毒载量1200000拷贝。",
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

// What has no stop in it is weighed piece by piece, and the names are found beside the cuts, too.
func TestChineseWithoutAStopIsReadInPieces(t *testing.T) {
	found := deid.Find(strings.Repeat("患者张伟今晨出院", 1000), deid.Chinese, nil)
	require.Len(t, found, 1000)
}

func BenchmarkFind(b *testing.B) {
	for name, text := range map[string]string{
		"en": "Mr. Whitfield was seen by Dr. Jane Adebayo on 3/4/2021 with chest pain; his wife Ruth agrees. BP 120/80, troponin 0.04. ",
		"zh": "接诊后曾晓蕾嘱完善头颅CT，鄢立家人同意。血压120/80mmHg，予阿司匹林100mg口服，双肺呼吸音清，未闻及干湿啰音。",
	} {
		text = strings.Repeat(text+"\n", 100)
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				deid.Find(text, deid.Auto, nil)
			}
		})
	}
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
