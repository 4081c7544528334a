package summary

import (
	"regexp"
	"strings"

	"github.com/bedside-lm/bedside/clinical/render"
)

// lexicon is what the checker knows of one language's ordinary words.
type lexicon struct {
	trends    []wordClass // words of movement, with the trends they agree with
	flags     []wordClass // words for a value's place against its range
	negation  *regexp.Regexp
	allergyTo *regexp.Regexp // the allergen follows
	allergyOf *regexp.Regexp // the allergen stands before
	given     *regexp.Regexp
	ordered   *regexp.Regexp
	suspected *regexp.Regexp
	past      *regexp.Regexp
	pending   *regexp.Regexp
	final     *regexp.Regexp // a report has come
	always    *regexp.Regexp // of all readings
	ongoing   *regexp.Regexp // not over
	lowest    *regexp.Regexp
	highest   *regexp.Regexp
	first     *regexp.Regexp // of a series
	latest    *regexp.Regexp
	bygone    *regexp.Regexp // the sentence speaks of what was
	reference *regexp.Regexp
	from      *regexp.Regexp // before the first of two values
	to        *regexp.Regexp // before the second
	reached   *regexp.Regexp // between a movement and the value it came to
	changedBy *regexp.Regexp // before an amount of change
	timeLink  *regexp.Regexp // between a value and the time that belongs to it
	glue      map[string]bool
	glueRuns  []string // Chinese: runs of characters, longest first
}

// wordClass is a pattern and what it claims. Claims that start with a flag's letter
// are flags, others trends; any one of them will do.
type wordClass struct {
	pattern *regexp.Regexp
	trends  []render.Trend
	flags   []string
	outcome outcome // where a series went, instead of a trend
}

func re(s string) *regexp.Regexp { return regexp.MustCompile(`(?i)` + s) }

var lexicons = map[render.Lang]*lexicon{render.English: englishLexicon(), render.Chinese: chineseLexicon()}

func englishLexicon() *lexicon {
	rising, falling := []render.Trend{render.TrendRising}, []render.Trend{render.TrendFalling}
	l := &lexicon{
		trends: []wordClass{
			{re(`\b(rising|rose|rises?|risen|climb\w*|upwards?|went up|going up)\b`), rising, nil, ""},
			{re(`\b(increas\w+)\b`), rising, []string{render.FlagHigh}, ""},
			{re(`\b(falling|fell|falls?|fallen|declin\w+|dropp\w+|drops?|downwards?|went down|going down|came down)\b`), falling, nil, ""},
			{re(`\b(decreas\w+|reduced)\b`), falling, []string{render.FlagLow}, ""},
			{re(`\b(stable|steady|unchanged|constant)\b`), []render.Trend{render.TrendStable}, nil, ""},
			{re(`\b(fluctuat\w+|varied|varying|variable)\b`), []render.Trend{render.TrendFluctuating}, nil, ""},
			{re(`\b(improv\w+|better|recover\w+)\b`), nil, nil, better},
			{re(`\b(wors\w+|deteriorat\w+)\b`), nil, nil, worse},
			{re(`\b(normali[sz](?:ed|es|ing)|(?:return\w*|back) to normal)\b`), nil, nil, normal},
		},
		flags: []wordClass{
			{re(`\b(?:critically )?(high|elevated|raised)\b`), nil, []string{render.FlagHigh}, ""},
			{re(`\b(?:critically )?(low)\b`), nil, []string{render.FlagLow}, ""},
			{re(`\b(normal|unremarkable|within (?:normal )?(?:limits|range))\b`), nil, []string{render.FlagNormal}, ""},
			{re(`\b(abnormal)\b`), nil, []string{render.FlagAbnormal, render.FlagHigh, render.FlagLow}, ""},
		},
		negation:  re(`\b(no|not|without|never|none|den(?:ies|ied|y)|absen\w+|negative|nor|neither|cannot|lack\w*|ruled out|excluded|missing|free of)\b|n't\b`),
		allergyTo: re(`\b(allerg(?:y|ies|ic)(?: to|:)|hypersensitiv\w+ to)`),
		allergyOf: re(`\b(allerg(?:y|ies|ic)|hypersensitiv\w+)\b`),
		given:     re(`\b(given|gave|receiv\w+|administered|got|treated|started|infus\w+|took|taking|dosed)\b`),
		ordered:   re(`\b(order\w*|prescri\w+)\b`),
		suspected: re(`\b(suspect\w*|possibl\w+|probabl\w+|unconfirmed|provisional)\b`),
		past:      re(`\b(past|history|previous\w*|resolved|former\w*)\b`),
		pending:   re(`\b(pending|preliminary|awaited|outstanding)\b`),
		final:     re(`\b(final|finali[sz]ed|available|complete|completed)\b`),
		ongoing:   re(`\b(in progress|ongoing)\b`),
		always:    re(`\b(all|each|every|always|throughout|remain|remains|remained)\b`),
		lowest:    re(`\b(lowest|minimum|nadir)\b`),
		highest:   re(`\b(highest|maximum|peak\w*)\b`),
		first:     re(`\b(first|initial|initially|earliest|at first)\b`),
		latest:    re(`\b(latest|last|most recent|current|currently|now|final)\b`),
		bygone:    re(`\b(was|were|had|been)\b`),
		reference: re(`\b(reference|normal range)\b`),
		from:      re(`\b(?:from|between)\s*$`),
		to:        re(`\b(?:to|and)\s*$`),
		reached:   re(`^\s*(?:(?:down|up|back) )?to\s*$`),
		changedBy: re(`\bby\s*$`),
		timeLink:  re(`^\s*\)?\s*\(?,?\s*(?:(?:was|were) (?:given|recorded|measured|taken|noted|administered|ordered)\s+)?(?:at|on|by|as of)?\s*$`),
		glue:      map[string]bool{},
	}
	for _, w := range strings.Fields(glueEnglish) {
		l.glue[w] = true
	}
	return l
}

func chineseLexicon() *lexicon {
	l := &lexicon{
		trends: []wordClass{
			{re(`(上升|升至|上涨|增加)`), []render.Trend{render.TrendRising}, nil, ""},
			{re(`(升高|增高)`), []render.Trend{render.TrendRising}, []string{render.FlagHigh}, ""},
			{re(`(下降|降至|回落|减少)`), []render.Trend{render.TrendFalling}, nil, ""},
			{re(`(降低)`), []render.Trend{render.TrendFalling}, []string{render.FlagLow}, ""},
			{re(`(平稳|稳定|不变)`), []render.Trend{render.TrendStable}, nil, ""},
			{re(`(波动)`), []render.Trend{render.TrendFluctuating}, nil, ""},
			{re(`(好转|改善|缓解)`), nil, nil, better},
			{re(`(恶化|加重|变差)`), nil, nil, worse},
			{re(`(恢复正常|转为正常|恢复至正常)`), nil, nil, normal},
		},
		flags: []wordClass{
			{re(`(偏高|过高)`), nil, []string{render.FlagHigh}, ""},
			{re(`(偏低|过低)`), nil, []string{render.FlagLow}, ""},
			{re(`(正常)`), nil, []string{render.FlagNormal}, ""},
			{re(`(异常)`), nil, []string{render.FlagAbnormal, render.FlagHigh, render.FlagLow}, ""},
		},
		negation:  re(`(没有|未|无|否认|排除|阴性|不存在|不伴|并非|缺乏)`),
		allergyTo: re(`(过敏[:：]|过敏原[:：为]?)`),
		allergyOf: re(`(过敏)`),
		given:     re(`(给予|给药|已用|使用|接受|静滴|输注|注射|服用)`),
		ordered:   re(`(医嘱|开具|处方)`),
		suspected: re(`(疑似|可能|待排|考虑)`),
		past:      re(`(既往|病史|曾)`),
		pending:   re(`(待定|初步|待回报)`),
		final:     re(`(最终|已完成|已回报)`),
		ongoing:   re(`(进行中)`),
		always:    re(`(均|全部|始终|一直|全程|持续)`),
		lowest:    re(`(最低)`),
		highest:   re(`(最高|峰值)`),
		first:     re(`(首次|初始|最初|起初|第一次)`),
		latest:    re(`(最近一次|末次|最后|目前|现在|当前|最新)`),
		bygone:    re(`(曾|既往|期间|一度)`),
		reference: re(`(参考)`),
		from:      re(`(?:从|由)\s*$`),
		to:        re(`(?:至|到|为)\s*$`),
		reached:   re(`^\s*[至到]\s*$`),
		changedBy: re(`(?:上升|升高|增高|上涨|增加|下降|降低|回落|减少)了?\s*$`),
		timeLink:  re(`^\s*\)?\s*\(\s*$`),
		glue:      map[string]bool{},
		glueRuns:  strings.Fields(glueChinese),
	}
	for _, w := range l.glueRuns {
		l.glue[w] = true
	}
	return l
}

// The glue words carry no claim about a patient that the other checks do not hold
// against the record. A word outside of them must stand in a fact that the sentence
// rests on.
const glueEnglish = `
a an the this that these those and or but with of in on at to from by for as per over under between during
through after before since until then than also both each all its it is was were are be been being has have had
there which who whose while when where into within about
patient patients person adult individual record recorded records report reported reports filed file shown shows show
showed noted notes note measured measure measures measurement measurements taken observed found seen documented
listed includes include including included presents presented presenting presentation admitted admission stay stayed
value values level levels reading readings result results rate count test tests finding findings data sign signs vital
vitals laboratory lab labs medication medications drug drugs dose doses order orders ordered prescribed prescription
given received receiving receives administered administration got treated treatment started infusion infused
time times first last latest most recent initial initially final current currently now later earlier again
high low elevated raised normal abnormal increased increase increases increasing decreased decrease decreasing reduced
rising rose rise rises risen falling fell fall falls fallen dropped drop drops declined decline declining climbed
stable steady unchanged constant fluctuating fluctuated varied upward downward trend trends trending trended
lowest highest minimum maximum peak peaked nadir range ranged ranging reference mean
hospital ward department unit diagnosis diagnoses diagnosed condition conditions problem problems known reason
allergy allergies allergic hypersensitivity reaction reactions history past previous resolved suspected possible
unconfirmed active ongoing open point points pending preliminary year years old aged age hours hour minutes minute day
days no not without none yet still against so far remains remained remain is: has: out up down went came improving improved improves improve improvement better worse worsening
worsened worsens deteriorating deteriorated recovering recovered normalized normalised returned returning back`

const glueChinese = `
患者 病人 记录 显示 测得 测量 检测 结果 数值 读数 水平 目前 现在 当前 最近 一次 首次 末次 最后 初始 随后 之后 其后 期间 其间 其中 同时
趋势 呈 呈现 从 由 至 到 为 是 在 于 自 起 内 后 前 的 了 并 且 和 与 及 或 有 已 曾 均 各 共 约 达 达到 升 降 约为 则 该 其
升高 上升 升至 增高 增加 上涨 下降 降至 降低 回落 减少 平稳 稳定 不变 波动 偏高 偏低 过高 过低 正常 异常 最高 最低 峰值 参考范围 参考 范围 超出
入院 住院 就诊 因 诊断 诊断为 疑似 可能 既往 病史 已知 问题 过敏 对 过敏史 存在 反应 医嘱 开具 给予 使用 接受 已给药 给药 治疗 用药
时 时间 小时 分钟 天 次 岁 年龄 性 报告 待定 初步 检验 检查 指标 生命体征 始终 全部 一直 好转 改善 缓解 恶化 加重 恢复 恢复正常 转为 最新 起初 一度 今日 昨日 未 无 没有 未见 尚未 仍 尚`

// words of the text in one form: letters with inner apostrophes and hyphens.
var asciiWord = regexp.MustCompile(`[A-Za-z]+(?:'[A-Za-z]+)?`)
