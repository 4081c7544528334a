package render_test

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/render"
	"github.com/bedside-lm/bedside/clinical/terms"
)

// lexeme is a word and what it means; nothing for words that carry no fact of their own.
type lexeme struct {
	text string
	item *item
}

// language is what the reader knows of one language in one style.
type language struct {
	lang    render.Lang
	compact bool
	words   map[rune][]lexeme // by first character, longest first
	units   []lexeme          // longest first; value is the UCUM code
	year    int               // of times without one
}

// meanings are the words that say something, by what they say: English and Chinese, full and
// compact.
var meanings = map[string][4][]string{
	"flag H": {{"high"}, {"偏高"}, {"H"}, {"高"}},
	"flag L": {{"low"}, {"偏低"}, {"L"}, {"低"}},
	"flag A": {{"abnormal"}, {"异常"}, {"abnormal"}, {"异常"}},

	"trend rising":      {{"rising"}, {"上升"}, {"rising"}, {"上升"}},
	"trend falling":     {{"falling"}, {"下降"}, {"falling"}, {"下降"}},
	"trend stable":      {{"stable"}, {"平稳"}, {"stable"}, {"平稳"}},
	"trend fluctuating": {{"fluctuating"}, {"波动"}, {"fluctuating"}, {"波动"}},

	"mark imputed":        {{"estimated, not measured"}, {"估算值，未实测"}, {"estimated"}, {"估算"}},
	"mark artefact":       {{"likely artefact"}, {"疑似伪差"}, {"artefact?"}, {"伪差?"}},
	"mark implausible":    {{"implausible"}, {"超出合理范围"}, {"implausible"}, {"不合理"}},
	"mark unit-suspect":   {{"unit in doubt"}, {"单位存疑"}, {"unit?"}, {"单位?"}},
	"mark unit-corrected": {{"unit corrected"}, {"单位已更正"}, {"unit corrected"}, {"单位已更正"}},
	"mark time-corrected": {{"time corrected"}, {"时间已校正"}, {"time corrected"}, {"时间已校正"}},

	"head diagnosis":     {{"Diagnosis:"}, {"诊断："}, {"Dx:"}, {"诊断："}},
	"head suspected":     {{"Suspected:"}, {"疑似："}, {"Suspected:"}, {"疑似："}},
	"head ruled-out":     {{"Ruled out:"}, {"已排除："}, {"Ruled out:"}, {"已排除："}},
	"head past":          {{"Past diagnosis:"}, {"既往诊断："}, {"Past:"}, {"既往："}},
	"head problem":       {{"Known problem:"}, {"已知问题："}, {"Problem:"}, {"问题："}},
	"head reason":        {{"Reason for the stay:"}, {"就诊原因："}, {"Reason:"}, {"原因："}},
	"head allergy":       {{"Allergy:"}, {"过敏："}, {"Allergy:"}, {"过敏："}},
	"head no-allergy":    {{"No known allergies are filed"}, {"未记录已知过敏"}, {"No known allergies are filed"}, {"未记录已知过敏"}},
	"head no-allergy-to": {{"Allergy ruled out:"}, {"已排除过敏："}, {"Allergy ruled out:"}, {"已排除过敏："}},
	"head vaccine":       {{"Vaccine given:"}, {"已接种："}, {"Vaccine:"}, {"接种："}},
	"head no-vaccine":    {{"Vaccine not given:"}, {"未接种："}, {"Vaccine not given:"}, {"未接种："}},
	"head procedure":     {{"Procedure:"}, {"操作："}, {"Procedure:"}, {"操作："}},
	"head ordered":       {{"Ordered:"}, {"医嘱："}, {"Ordered:"}, {"医嘱："}},
	"head given":         {{"Given:"}, {"已给药："}, {"Given:"}, {"已给药："}},
	"head not-given":     {{"Not given:"}, {"未给药："}, {"Not given:"}, {"未给药："}},
	"head report":        {{"Report:"}, {"报告："}, {"Report:"}, {"报告："}},
	"head pending":       {{"Report pending:"}, {"报告待定："}, {"Pending:"}, {"待定："}},
	"head no-dose":       {{"Ordered, no administration filed:"}, {"已开医嘱而无给药记录："}, {"Ordered, no dose filed:"}, {"有医嘱无给药记录："}},
	"head not-filed":     {{"Not filed:"}, {"未记录："}, {"Not filed:"}, {"未记录："}},
	"head no-value":      {{"No value filed:"}, {"无数值记录："}, {"No value:"}, {"无数值："}},
	"head check":         {{"To be checked:"}, {"待核对："}, {"Check:"}, {"待核对："}},
	"head patient":       {{"Patient:"}, {"患者："}, {"Patient:"}, {"患者："}},
	"head deceased":      {{"recorded as deceased"}, {"记录为已故"}, {"recorded as deceased"}, {"记录为已故"}},
	"head stay":          {{"Stay:"}, {"就诊："}, {"Stay:"}, {"就诊："}},
	"head devices":       {{"Devices:"}, {"设备："}, {"Devices:"}, {"设备："}},
	"head computed":      {{"Computed"}, {"计算所得"}, {"computed"}, {"计算"}},
	"admission":          {{"(admission)"}, {"（入院）"}, {"(admission)"}, {"(入院)"}},
	"unknown":            {{"unknown:"}, {"待补充："}, {"unknown:"}, {"待补充："}},
	"threshold":          {{"reaches the threshold"}, {"达到阈值"}, {"threshold"}, {"达阈值"}},
	"old":                {{"90 or older"}, {"90岁及以上"}, {"90 or older"}, {"90岁及以上"}},
	"band low":           {{"low risk"}, {"低风险"}, {"low risk"}, {"低风险"}},
	"band low-medium":    {{"low-medium risk"}, {"低中风险"}, {"low-medium risk"}, {"低中风险"}},
	"band medium":        {{"medium risk"}, {"中风险"}, {"medium risk"}, {"中风险"}},
	"band high":          {{"high risk"}, {"高风险"}, {"high risk"}, {"高风险"}},
	"above":              {{"above"}, {"高于上限"}, {"above"}, {"高于上限"}},
	"below":              {{"below"}, {"低于下限"}, {"below"}, {"低于下限"}},
	"air":                {{"room air"}, {"空气"}, {"room air"}, {"空气"}},
	"in use":             {{"in use"}, {"使用中"}, {"in use"}, {"使用中"}},
	"altered":            {{"altered"}, {"非清醒"}, {"altered"}, {"非清醒"}},
	"yes":                {{"yes"}, {"是"}, {"yes"}, {"是"}},
	"no":                 {{"no"}, {"否"}, {"no"}, {"否"}},
	"unnamed":            {{"unnamed item"}, {"未命名项目"}, {"unnamed item"}, {"未命名项目"}},
}

// plain words join what is said and say nothing themselves.
var plain = [4]string{
	"at on in of from to until since old severity service reaction conclusion lowest highest reference Latest is waveform readings against alarm limits middle half the time longest per hour by least most and alarm",
	"自 起 至 为 程度 科室 反应 结论 最低 最高 参考范围 最近一次 波形 内 读数 报警限 中间半数读数 占时 最长 每小时 不低于 不高于 至少",
	"to until since reaction conclusion ref n= wave vs alarms IQR of time longest per h in",
	"自 起 至 反应 结论 参考 n= 波形 对 报警限 IQR 占时 最长 每小时",
}

const keySystolic = "measure:systolic blood pressure"

// textKinds are the sets of the table whose names stand in texts.
var textKinds = []string{
	"measure", "diagnosis", "drug", "allergen", "device", "procedure", "vaccine", "sex", "class", "status", "clinical",
	"criticality", "severity", "route", "service", "value", "absent",
}

func newLanguage(lang render.Lang, style render.Style) *language {
	l := &language{lang: lang, compact: style == render.StyleCompact, words: map[rune][]lexeme{}}
	column := 0
	if lang == render.Chinese {
		column++
	}
	if l.compact {
		column += 2
	}
	for meaning, words := range meanings {
		kind, value, _ := strings.Cut(meaning, " ")
		for _, w := range words[column] {
			l.add(w, &item{kind: kind, value: value})
		}
	}
	for _, w := range strings.Fields(plain[column]) {
		l.add(w, nil)
	}
	if lang == render.English {
		l.add("systolic", &item{kind: "term", keys: []string{keySystolic}})
		l.add("sys", &item{kind: "term", keys: []string{keySystolic}})
	}
	if lang == render.Chinese {
		l.add("收缩压", &item{kind: "term", keys: []string{keySystolic}})
	}
	byName := map[string][]string{}
	for _, e := range terms.Entries() {
		if !slices.Contains(textKinds, e.Kind) {
			continue
		}
		name := e.Name(lang)
		if l.compact && e.Abbr[lang] != "" {
			name = e.Abbr[lang]
		}
		byName[name] = append(byName[name], e.Key)
	}
	for name, keys := range byName {
		l.add(name, &item{kind: "term", keys: keys})
	}
	for _, u := range terms.Units() {
		name := u.Display[lang]
		if name == "" {
			continue
		}
		l.units = append(l.units, lexeme{name, &item{value: u.Code}})
		if lang == render.English && len(name) > 1 && strings.HasSuffix(name, "s") {
			l.units = append(l.units, lexeme{strings.TrimSuffix(name, "s"), &item{value: u.Code}})
		}
	}
	slices.SortFunc(l.units, func(a, b lexeme) int { return len(b.text) - len(a.text) })
	for r := range l.words {
		slices.SortStableFunc(l.words[r], func(a, b lexeme) int { return len(b.text) - len(a.text) })
	}
	return l
}

func (l *language) add(text string, it *item) {
	forms := []string{text}
	if r, n := utf8.DecodeRuneInString(text); unicode.IsLower(r) && !l.compact {
		forms = append(forms, string(unicode.ToUpper(r))+text[n:])
	}
	for _, f := range forms {
		r, _ := utf8.DecodeRuneInString(f)
		l.words[r] = append(l.words[r], lexeme{f, it})
	}
}

var tableKeys = sync.OnceValue(func() map[string]bool {
	known := map[string]bool{}
	for _, e := range terms.Entries() {
		known[e.Key] = true
	}
	return known
})

// with is the language with the words that only one record has, as they were filed.
func (l *language) with(doc *render.Document, rec *record.PatientRecord) *language {
	known := tableKeys()
	out := *l
	out.words = maps.Clone(l.words)
	changed := map[rune]bool{}
	put := func(text string, it *item) {
		for _, r := range []rune{firstRune(text), unicode.ToUpper(firstRune(text))} {
			out.words[r], changed[r] = slices.Clone(out.words[r]), true
		}
		out.add(text, it)
	}
	for _, s := range doc.Sections {
		for _, f := range s.Facts {
			for _, t := range f.Terms {
				if !known[t.Key] && t.Key != render.KeyAge && t.Key != "allergen:none" {
					put(t.Names[0], &item{kind: "term", keys: []string{t.Key}})
				}
			}
		}
	}
	for _, o := range rec.Observations {
		if e, _ := terms.Find("measure", o.Code); e == nil && len(o.Code.Codings) > 0 {
			put(o.Code.Codings[0].Code, nil)
		}
		if q := o.Value.Quantity; q != nil {
			if u, _ := terms.UnitOf(*q); u == nil && q.Unit != "" {
				put(q.Unit, nil)
			}
		}
	}
	for r := range changed {
		slices.SortStableFunc(out.words[r], func(a, b lexeme) int { return len(b.text) - len(a.text) })
	}
	return &out
}

func firstRune(s string) rune {
	r, _ := utf8.DecodeRuneInString(s)
	return r
}
