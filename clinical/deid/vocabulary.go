package deid

import (
	"embed"
	"strings"
	"sync"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/bedside-lm/bedside/clinical/terms"
)

// The lists: given names and the 25,000 commonest surnames of the United States census of 1990; common English words, of
// Webster's dictionary of 1934 (all in the public domain); and our own of clinical words, eponyms above all, and of Chinese.
//
//go:embed data/*.txt
var lists embed.FS

type set map[string]struct{}

func (s set) has(w string) bool { _, ok := s[w]; return ok }

type vocabulary struct {
	given, surnames, words, clinical                   set
	frequent, eponyms                                  set // surnames of most people; words that are eponyms, too
	capitals                                           set // words with a capital that are no person's
	surnamesZH, notNamesZH, citiesZH                   set
	givenZH                                            map[rune]bool
	longestZH                                          int // characters of the longest of notNamesZH
	noteNouns, suffixes, states, months                set
	personVerbs, looseVerbs, actVerbs, suffixesOfNames set
	titles, roles, callers, credentials                set
	cuesBeforeZH, cuesAfterZH, weakBeforeZH            set
}

// vocab is read once; the lists are part of the binary.
var vocab = sync.OnceValue(func() *vocabulary {
	v := &vocabulary{
		given: list("given_en"), surnames: list("surnames_en"), words: list("words_en"), clinical: list("clinical_en"), capitals: list("capitals_en"),
		frequent: set{}, eponyms: list("eponyms_en"),
		surnamesZH: list("surnames_zh"), notNamesZH: list("words_zh"), citiesZH: list("places_zh"), givenZH: map[rune]bool{},
		noteNouns: list("eponym_nouns"), suffixes: list("streets_en"), states: list("states_en"),
		titles: words(titleWords), roles: words(roleWords), callers: words(callerWords), credentials: words(credentialWords),
		cuesBeforeZH: words(cuesBefore), cuesAfterZH: words(cuesAfter), weakBeforeZH: words(weakBefore), months: words(monthWords),
		personVerbs: words(personVerbs), looseVerbs: words(looseVerbs), actVerbs: words(actVerbs), suffixesOfNames: words(`jr sr ii iii iv`),
	}
	for _, w := range inOrder("surnames_en")[:frequentSurnames] {
		v.frequent[w] = struct{}{}
	}
	for w := range list("given_zh") {
		for _, r := range w {
			v.givenZH[r] = true
		}
	}
	for _, e := range terms.Entries() {
		for _, name := range e.Names[terms.English] {
			for _, w := range strings.FieldsFunc(name, func(r rune) bool { return !unicode.IsLetter(r) }) {
				v.clinical[fold(w)] = struct{}{}
			}
		}
		for _, name := range e.Names[terms.Chinese] {
			v.notNamesZH[name] = struct{}{}
		}
	}
	for w := range v.notNamesZH {
		if len([]rune(w)) < 2 {
			delete(v.notNamesZH, w)
		}
		v.longestZH = max(v.longestZH, len([]rune(w)))
	}
	return v
})

// frequentSurnames is how many of the census' surnames, the commonest first, are borne by so many that they are
// thought of first.
const frequentSurnames = 2000

// inOrder reads a list: words between white space, and a comment behind "#".
func inOrder(name string) []string {
	data, err := lists.ReadFile("data/" + name + ".txt")
	if err != nil {
		panic(err) // a fault of the build, which every test of the package finds
	}
	var out []string
	for line := range strings.Lines(string(data)) {
		line, _, _ = strings.Cut(line, "#")
		out = append(out, strings.Fields(line)...)
	}
	return out
}

func list(name string) set {
	out := set{}
	for _, w := range inOrder(name) {
		out[w] = struct{}{}
	}
	return out
}

func words(s string) set {
	out := set{}
	for _, w := range strings.Fields(s) {
		out[w] = struct{}{}
	}
	return out
}

var unaccented = strings.NewReplacer("ł", "l", "đ", "d", "ø", "o", "ı", "i", "ß", "ss", "æ", "ae", "œ", "oe", "'", "", "’", "", "ʼ", "")

// fold makes the key of a word: in small letters, without accents and apostrophes.
func fold(w string) string {
	plain := true
	for i := range len(w) {
		plain = plain && w[i] < 0x80 && w[i] != '\''
	}
	w = strings.ToLower(w)
	if plain {
		return w
	}
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return r
	}, norm.NFD.String(unaccented.Replace(w)))
}

const (
	titleWords = `dr mr mrs ms miss mx prof professor doctor nurse sir madam rev reverend doc dra sr sra judge officer sgt lt capt messrs`
	// roleWords stand before a name, with or without a colon.
	roleWords = `name patient pt client resident attending physician surgeon anesthesiologist anaesthetist pcp provider clinician
		contact wife husband spouse partner son daughter mother father mom dad mum brother sister niece nephew aunt uncle cousin
		grandmother grandfather grandson granddaughter grandma grandpa neighbor neighbour friend caregiver guardian fiance fiancee
		stepson stepdaughter stepmother stepfather mother-in-law father-in-law son-in-law daughter-in-law interpreter
		therapist pharmacist dietitian counselor chaplain cc re sincerely regards signed signature dictated author recorded reviewed
		reporter radiologist pathologist cardiologist neurologist resident fellow intern assistant anesthesia anaesthesia consultant
		guarantor subscriber employee roommate boyfriend girlfriend twin baby mother's father's kin witness proxy surrogate
		gentleman lady named called is was`
	// callerWords stand before a name that something was done by, to or with.
	callerWords = `by with per from for to told tells notified informed contacted called call paged page phoned spoke speak asked
		ask remind and w care attn via thank thanks dear hi hello of about to regarding seen met referring saw see seeing`
	credentialWords = `md do rn np pa pa-c dds dmd phd pharmd msw lcsw lpn cna dnp crna mbbs frcp facc facs faap rd pt ot rt jr sr ii iii iv esq mph ms bsn msn aprn arnp`
	// personVerbs are what people alone do, and looseVerbs what things do as well.
	personVerbs = `tolerated denies denied reports reported states stated complains complained agrees agreed refused refuses lives walks walked underwent
		remembers says said tells told asks asked wants wanted feels felt smokes drinks works worked understands understood consented declined
		signed expressed admits admitted endorses endorsed sleeps slept ate drank voided ambulated aware recalls recalled recommended recommends explained
		explains thinks believes hopes prefers insists noticed heard phoned rang visited drove slipped woke cried smiled fainted cooks answered reviewed`
	// actVerbs are what people do more often than things do.
	actVerbs   = `needs need found hit cannot brought confirmed fell lost uses used manages managed follows followed arrived is are was has to`
	looseVerbs = `will was is has had should may can does did would became needs needed continues continued received takes took presented presents appears appeared remains remained noted arrived left returned called`
	monthWords = `january february march april may june july august september october november december jan feb mar apr jun jul aug sep sept oct nov dec`

	// Strong cues: what follows, or what comes before, is a person.
	cuesBefore = `姓名 患者 病人 老人 患儿 产妇 孕妇 家属 联系人 监护人 代诉人 代理人 陪护 陪护人 陪同人 记录者 记录人 书写者 审核者 审核 审核人 审签 签名 签字 签署人
		主治医师 主管医师 主管医生 住院医师 住院医生 主任医师 副主任医师 经治医师 管床医生 管床医师 上级医师 值班医师 值班医生 会诊医师 会诊医生 接诊医生 接诊医师 首诊医师
		医师 医生 护士 护士长 责任护士 值班护士 巡回护士 器械护士 麻醉 麻醉师 麻醉医师 麻醉者 术者 手术者 主刀 主刀医师 一助 二助 三助 助手 第一助手 报告医生 报告医师
		申请医生 申请医师 检查医生 检验者 检验医师 送检医生 开单医生 父亲 母亲 父 母 丈夫 妻子 儿子 女儿 之子 之女 之妻 之夫 之母 之父 其子 其女 其妻 其夫 其母 其父 其兄 其弟
		其姐 其妹 配偶 爱人 老伴 儿媳 女婿 哥哥 姐姐 弟弟 妹妹 兄长 长子 次子 长女 次女 孙子 孙女 外孙 外孙女 侄子 侄女 外甥 外甥女 表哥 表姐 表弟 表妹 堂哥 堂姐 堂弟 堂妹 表兄 堂兄 伯父 伯母 叔父 叔叔 婶婶 姑姑 姑母 姑妈 姨妈 姨母 阿姨 舅舅 舅妈 舅父
		岳父 岳母 公公 婆婆 爷爷 奶奶 外公 外婆 祖父 祖母 外祖父 外祖母 嫂子 弟媳 姐夫 妹夫 继父 继母 养父 养母 养子 养女 男友 女友 前夫 前妻 未婚夫 未婚妻 邻居 同事 朋友 同学 室友 房东 保姆 护工 社工
		兹证明 证明 随访人 责任人 负责人 经办人 收件人 寄件人 户主 投保人 被保险人 参保人 操作者 操作医师 主任 副主任 教授 院长 科主任 志愿者 供者 供体 受者 受体`
	cuesAfter = `先生 女士 小姐 同志 老师 医生 医师 大夫 主任 副主任 护士 护士长 教授 副教授 院长 阿姨 大爷 大妈 奶奶 爷爷 叔叔 主治医师 住院医师 主任医师 副主任医师 药师
		技师 主管 博士 之子 之女 之妻 之夫 之母 之父 老人 患者 家属 签名 签字`
	// Weak cues: they count only where what follows looks like a name.
	weakBefore = `经 请 由 与 和 及 对 向 给 为 找 同 跟 与患者 是 即 按 据 致 让 叫 嘱 予 至 的 系 于 遵 因 当 待 在 从 将 若 如 日 晨 晚 午 后 前 并 又 再 均 已 仍
		联系 通知 告知 询问 嘱咐 转告 陪同 护送 委托 授权 邀请 会同 报告 请示 抄送 致电 探视 照顾 转交 协同 询及 拜访 感谢 得知 呼叫`
)
