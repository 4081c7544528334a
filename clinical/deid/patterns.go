package deid

import (
	"regexp"
	"strconv"
	"strings"
)

// form is a pattern that needs no words around it. Go's regular expressions run in linear time.
type form struct {
	typ   Type
	score int
	re    *regexp.Regexp
	check func(match string) bool // nil: what matches is taken
}

func re(s string) *regexp.Regexp { return regexp.MustCompile(s) }

const (
	plateArea = `[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼使领]`
	idValue   = `(?:[A-Za-z]+[-/.·_])*[A-Za-z]*\d(?:[A-Za-z0-9]|[-/.·_][A-Za-z0-9])*`
	handle    = `[A-Za-z][A-Za-z0-9_-]{4,24}|\d{5,12}`
)

var forms = []form{
	{Email, scoreForm, re(`[A-Za-z0-9._%+\-]+@[A-Za-z0-9\-]+(?:\.[A-Za-z0-9\-]+)+`), nil},
	{URL, scoreForm, re(`(?i)\b(?:https?|ftp)://[^\s<>"'，。；、）】]+|\bwww\.[^\s<>"'，。；、）】]+`), nil},
	{URL, scoreForm, re(`(?i)\b[a-z0-9][a-z0-9-]*(?:\.[a-z0-9-]+)*\.(?:com|org|net|edu|gov|info|biz|hospital|health|cn|io)\b(?:/[^\s<>"'，。；、）】]*)?`), nil},
	{IP, scoreForm, re(`[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?:\.\d{1,3}){0,3}`), func(m string) bool { return len(m) > 5 && validIP(m) }},
	{IP, scoreForm, re(`\b(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}\b`), nil}, // MAC
	{ResidentID, scoreChecksum + 5, re(`\b\d{17}[\dXx]\b|\b\d{15}\b`), validResident},
	{ResidentID, scoreCue - 1, re(`\b[1-8]\d{5}(?:18|19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx]\b`), nil}, // mistyped
	{BankCard, scoreChecksum, re(`\b\d{4}(?:[ -]?\d{4}){2,3}(?:[ -]?\d{1,3})?\b|\b3\d{3}[ -]?\d{6}[ -]?\d{5}\b`), func(m string) bool { return luhn(digitsOf(m)) }},
	{Vehicle, scoreChecksum, re(`\b[A-HJ-NPR-Z0-9]{17}\b`), validVIN},
	{Vehicle, scoreForm, re(plateArea + `[A-HJ-Z][·•.\- ]?[A-HJ-NP-Z0-9]{4,5}[A-HJ-NP-Z0-9挂学警港澳]`), nil},
	{Device, scoreForm, re(`\(01\)\s?\d{14}(?:\s?\(\d{2}\)\s?[A-Za-z0-9\-]+)*`), nil}, // UDI as GS1 writes it
	{Device, scoreForm, re(`\+[A-Z]\d{3}[A-Z0-9]{2,18}\d[A-Z0-9](?:/\$*\+?[A-Z0-9]+)*`), nil},
	{SSN, scoreForm, re(`\b\d{3}[- ]\d{2}[- ]\d{4}\b`), nil},
	{Phone, scorePhone, re(`(?:\+?1[-. ]?)?(?:\(\d{3}\)|\b\d{3})[-. ]?\d{3}[-. ]\d{4}(?:\s*(?i:x|ext\.?|extension)\s*\d{1,6})?`), nil},
	{Phone, scorePhone, re(`\b\d{3}-\d{4}\b(?:\s*(?i:x|ext\.?|extension)\s*\d{1,6})?`), nil},
	{Phone, scorePhone, re(`\+\d{1,3}(?:[-. ]?\(?\d{1,5}\)?){2,6}`), func(m string) bool { n := countDigits(m); return n >= 8 && n <= 15 }},
	{Phone, scorePhone + 1, re(`(?:\+?86[- ]?)?\b1[3-9]\d(?:[- ]?\d{4}){2}\b`), nil},
	{Phone, scorePhone, re(`(?:[(（]0\d{2,3}[)）]|\b0\d{2,3})[-— ]?\d{7,8}\b(?:(?:转|-|分机|\s*ext\.?\s*)\d{1,6})?`), nil},
	{Phone, scorePhone, re(`\b[48]00[- ]?\d{3}[- ]?\d{4}\b`), nil},
	{Phone, scorePhone, re(`(?i)\b(?:ext\.?|extension|pager|beeper)\s*(?:number|no\.?|#|:)?\s*\d{3,6}\b`), nil},
}

func (s *scanner) common() {
	for i := range forms {
		f := &forms[i]
		s.each(f.re, func(m []int) {
			start, end := m[0], m[1]
			if f.typ == URL {
				end = start + len(strings.TrimRight(s.text[start:end], ".,;:!?)"))
			}
			if (f.check == nil || f.check(s.text[start:end])) && (f.typ == URL || f.typ == Vehicle || s.alone(start, end)) {
				s.add(f.typ, start, end, f.score)
			}
		})
	}
	s.addresses4()
	s.cues()
	s.dates()
	s.ages()
	s.numbers()
}

var ipv4 = re(`\b\d{1,3}(?:\.\d{1,3}){3}\b`)

var dotted = re(`^\.\d`)

var versionBefore = re(`(?i)(?:version|firmware|software|release|\bv|版本|固件|软件|oid)\W{0,4}$`)

// addresses4 are those of IPv4; versions of programs look the same.
func (s *scanner) addresses4() {
	s.each(ipv4, func(m []int) {
		if validIP(s.text[m[0]:m[1]]) && !dotted.MatchString(head(s.text, m[1], 2)) && before(s.text, m[0]) != '.' && !versionBefore.MatchString(tail(s.text, m[0], 24)) {
			s.add(IP, m[0], m[1], scoreForm)
		}
	})
}

// tail is what stands before a place, n bytes at most.
func tail(text string, at, n int) string { return text[max(0, at-n):at] }

// head is what stands behind a place, n bytes at most.
func head(text string, at, n int) string { return text[at:min(len(text), at+n)] }

// cue is a word that says what the number or code behind it is.
type cue struct {
	typ    Type
	re     *regexp.Regexp
	digits int // that the value must have
}

// fillers may stand between a cue and its value.
const fillers = `(?:\s|[:：#=,(（]|\b(?:numbers?|no|nr|num|ids?|code|is|was|are|on|file|of|card|value)\b\.?|号码|卡号|编号|号|码|为|是|系)*`

func englishCue(t Type, digits int, words string) cue {
	return cue{t, re(`(?i)\b(?:` + words + `)\b` + fillers + `(` + idValue + `(?: [A-Za-z]{0,3}\d[A-Za-z0-9-]*)*)`), digits}
}

func chineseCue(t Type, digits int, words string) cue {
	return cue{t, re(`(?i)(?:` + words + `)` + fillers + `(` + idValue + `(?: \d{3,})*)`), digits}
}

var cues = []cue{
	englishCue(MRN, 3, `mrn|m\.r\.n|medical record|med rec|chart|record|patient id|hospital (?:number|no|id)|unit (?:number|no)|visit (?:number|no|id)|encounter (?:number|no|id)|csn|fin|case (?:number|no)|study id|accession`),
	englishCue(HealthPlan, 3, `member(?:ship)?(?: id)?|policy|group (?:number|no|id)|subscriber|beneficiary|insurance(?: id)?|medicare|medicaid|hicn|mbi|plan id|payer id`),
	englishCue(Account, 3, `account|acct|a/c|invoice|billing|iban|routing`),
	englishCue(License, 3, `licen[cs]e|licen[cs]e plate id|dl|dea|npi|certificate|permit`),
	englishCue(Passport, 3, `passport|visa`),
	englishCue(Vehicle, 2, `(?:licen[cs]e|number|registration) plate|plate|tag|vin|vehicle|registration`),
	{Vehicle, re(`(?i)\b(?:plates?|tag|registration)\b` + fillers + `([A-Z]{2,3} \d{3,4})`), 3},
	englishCue(Device, 3, `serial|s/n|sn|udi|device (?:id|identifier|number)|imei|meid|implant id|lot and serial`),
	englishCue(SSN, 4, `ssn|ss#|social security|social|soc sec|last four|last 4|tax id|itin`),
	englishCue(Phone, 5, `phone|tel|telephone|mobile|cell|cellular|fax|pager|hotline|call|text|reachable on|reached at`),
	englishCue(Zip, 5, `zip|zip code|zipcode|postal code|postcode`),
	{WeChat, re(`(?i)\b(?:wechat|weixin|qq)\b` + fillers + `(` + handle + `)`), 0},
	englishCue(BankCard, 8, `card|visa|mastercard|amex`),
	chineseCue(MRN, 3, `住院号|门诊号|病历号|病案号|就诊号|登记号|患者编号|病人编号|患者ID|病人ID|病员号|档案号|住院流水号|急诊号|病历本|健康卡`),
	chineseCue(HealthPlan, 3, `医保卡?|社保卡?|社会保障|参保|医疗保险|医疗证|保单|保险单|新农合|职工医保|居民医保`),
	chineseCue(Account, 3, `账[号户]|帐[号户]|缴费编?号|发票`),
	chineseCue(BankCard, 8, `银行卡|信用卡|借记卡|付款卡|卡号`),
	chineseCue(License, 3, `执业证|执业证书|驾驶证|驾照|医师证|资格证|军官证|士兵证|许可证|执照`),
	chineseCue(Passport, 3, `护照|通行证|台胞证|回乡证`),
	chineseCue(ResidentID, 6, `身份证件?|证件|公民身份`),
	chineseCue(Vehicle, 4, `车牌|车辆|车架|车号`),
	chineseCue(Device, 3, `序列|设备|机身|仪器|起搏器|植入物|泵体`),
	{WeChat, re(`(?i)(?:微信|QQ|wechat)` + fillers + `(` + handle + `)`), 0},
	chineseCue(Phone, 5, `电话|手机|联系方式|传真|座机|热线|致电|拨打|电联`),
	chineseCue(Zip, 6, `邮编|邮政编码`),
	chineseCue(ID, 4, `标本|样本|条码|检查|申请单|报告单|检验|报告|影像|切片|流水|编号|单号|工号|床旁机`),
}

func (s *scanner) cues() {
	for i := range cues {
		c := &cues[i]
		s.each(c.re, func(m []int) {
			start, end := m[2], m[3]
			value := s.text[start:end]
			if n := c.used(value); n < len(value) {
				end, value = start+n, value[:n]
			}
			if !c.fits(value) || publicCode.MatchString(value) || codeBefore.MatchString(tail(s.text, start, 32)) || measured(value, head(s.text, end, 24)) {
				return
			}
			s.add(c.typ, start, end, scoreCue)
		})
	}
}

// used is how much of the words behind a cue is its value: the first one, and groups that go on with it.
func (c *cue) used(value string) int {
	first, rest, more := strings.Cut(value, " ")
	if !more {
		return len(value)
	}
	n := len(first)
	if countDigits(first) >= 7 || c.typ == WeChat || c.typ == Zip {
		return n
	}
	for group := range strings.SplitSeq(rest, " ") {
		if countDigits(group) < 2 && countDigits(first) > 0 {
			break
		}
		n += 1 + len(group)
	}
	return n
}

func (c *cue) fits(value string) bool {
	if c.typ == WeChat {
		return len(value) >= 5
	}
	n := countDigits(value)
	return n >= c.digits && (n >= 4 || len(value) >= 5) && !decimal.MatchString(value)
}

var (
	decimal    = re(`^\d{1,4}[./]\d{1,4}$`)
	publicCode = re(`^(?:NCT\d{8}|ChiCTR[-A-Z0-9]+|PMID|PMC\d|ISRCTN\d)`)
	// codeBefore says that a number is a code of a terminology or of a publication.
	codeBefore = re(`(?i)(?:snomed(?:[- ]?ct)?|rxnorm|rxcui|loinc|icd-?(?:9|10|11)?(?:-?cm)?|cpt|hcpcs|ndc|nct|pmid|doi|cvx|umls|cui|trial|mdc|oid|atc|isbn|(?:医嘱|疾病|诊断|手术|项目|收费)编码)\W{0,3}(?:codes?|id|no|number|编码|码)?\W{0,3}$`)
	unitAfter  = re(`^\s*(?i:×|\*|x\s?10|\^|/\s?[uµμmln]|units?|iu|mu\b|u\b|copies|cells|cfu|mg|mcg|µg|ug|g\b|kg|ml|dl|l\b|ng|pg|fg|mmol|meq|%|hz|bpm|万|亿|单位|拷贝|个|国际)`)
	quantity   = re(`^[<>]?\d+(?:\.\d+)?$`)
)

// measured says whether a number is an amount.
func measured(value, rest string) bool {
	return quantity.MatchString(value) && unitAfter.MatchString(rest)
}

var token = re(`[A-Za-z0-9]+(?:[-/._·:]?\(?[A-Za-z0-9]+\)?)*`)

// numbers takes what is left: numbers of seven digits and more, and codes of letters and five digits, unless what stands
// around them says that they are a measurement or a code of a terminology.
func (s *scanner) numbers() {
	for _, m := range token.FindAllStringIndex(s.text, -1) {
		value := s.text[m[0]:m[1]]
		n := countDigits(value)
		if n < 5 || n < 7 && (n == len(value) || !startsLetter(value) || len(value) < 7) {
			continue
		}
		switch {
		case quantity.MatchString(value) && (strings.Contains(value, ".") || unitAfter.MatchString(head(s.text, m[1], 24))),
			publicCode.MatchString(value), oid.MatchString(value), clock.MatchString(value), amounts.MatchString(value), range2.MatchString(value),
			codeBefore.MatchString(tail(s.text, m[0], 32)):
			continue
		}
		s.add(ID, m[0], m[1], scoreNumber)
	}
}

func startsLetter(s string) bool { return s[0] >= 'A' && s[0] <= 'Z' || s[0] >= 'a' && s[0] <= 'z' }

var (
	oid     = re(`^\d+(?:\.\d+){3,}$`)
	clock   = re(`^\d{1,2}:\d{2}(?::\d{2})?(?:[-/]\d{1,2}:\d{2}(?::\d{2})?)?$`)
	amounts = re(`^\d+(?:\.\d+)?(?i:iu|u|units?|mg|mcg|ug|g|kg|ml|l|cells|copies)(?:/(?i:kg|ml|l|h|hr|min|d|day|dl|mm3|ul))*$`)
	range2  = re(`^\d{1,4}(?:\.\d+)?(?:[-/:]\d{1,4}(?:\.\d+)?){1,2}$`)
)

func atoi(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0
	}
	return n
}
