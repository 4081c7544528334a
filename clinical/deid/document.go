package deid

import (
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/bedside-lm/bedside/clinical/record"
)

// Options say how a document is read and what is done to it. The zero value is the default policy with a key of the moment.
type Options struct {
	Lang   Lang   // of free text; "" is Auto
	Policy Policy // zero: DefaultPolicy
	Keys   *Keys  // nil: PassingKeys
	// Patient is whose document it is, where it does not say so itself: whose dates are shifted.
	Patient string
	// Known are values to search for beside those of the document's own fields.
	Known *Known
	// Seal asks for Result.Sealed. It needs Keys.
	Seal   bool
	Limits Limits
}

// maxText is the size of the largest piece of free text, in bytes.
const maxText = 8 << 20

func newJob(opt Options) (*job, error) {
	policy, err := opt.Policy.Complete()
	if err != nil {
		return nil, err
	}
	keys := opt.Keys
	if keys == nil {
		if opt.Seal {
			return nil, &KeyError{"what is to be undone needs a key"}
		}
		if keys, err = PassingKeys(); err != nil {
			return nil, err
		}
	}
	j := &job{policy: policy, keys: keys, lang: opt.Lang, known: NewKnown(), patient: opt.Patient}
	if j.lang == "" {
		j.lang = Auto
	}
	if opt.Known != nil {
		for _, of := range opt.Known.byFirst {
			for _, v := range of {
				j.known.put(v)
			}
		}
	}
	return j, nil
}

// Text takes the identifiers out of plain text. The error is a *record.InvalidError, a *record.LimitError, a *KeyError or a
// *PolicyError; none holds any of the text.
func Text(text string, opt Options) (*Result, error) {
	if err := readable(text, "text", min(maxText, opt.Limits.withDefaults().Bytes)); err != nil {
		return nil, err
	}
	j, err := newJob(opt)
	if err != nil {
		return nil, err
	}
	if j.patient == "" {
		j.patient = j.keys.hash(text)
	}
	j.text(text, "", func(at int) int { return at }, func(s string) string { return s })
	return j.done(text, opt.Seal)
}

func readable(text, path string, limit int) error {
	if len(text) > limit {
		return &record.LimitError{Path: path, What: "bytes", Limit: int64(limit)}
	}
	if !utf8.ValidString(text) {
		return invalid(path, "is not UTF-8 text")
	}
	return nil
}

func invalid(path, message string) error {
	return &record.InvalidError{Violations: []record.Violation{{Path: path, Message: message}}}
}

// stock are the names that pseudonyms are made of.
type stock struct {
	given, surnames, surnamesZH []string
	givenZH                     []rune
}

var stockOf = sync.OnceValue(func() *stock {
	v := vocab()
	out := &stock{surnamesZH: strings.Fields(commonSurnamesZH)}
	for w := range v.given {
		if !v.words.has(w) && !v.clinical.has(w) {
			out.given = append(out.given, w)
		}
	}
	for w := range v.surnames {
		if !v.words.has(w) && !v.clinical.has(w) && !v.given.has(w) {
			out.surnames = append(out.surnames, w)
		}
	}
	for r := range v.givenZH {
		out.givenZH = append(out.givenZH, r)
	}
	slices.Sort(out.given)
	slices.Sort(out.surnames)
	slices.Sort(out.givenZH)
	return out
})

// commonSurnamesZH are those of most people in China.
const commonSurnamesZH = `王 李 张 刘 陈 杨 赵 黄 周 吴 徐 孙 胡 朱 高 林 何 郭 马 罗 梁 宋 郑 谢 韩 唐 冯 于 董 萧 程 曹 袁 邓 许 傅 沈 曾 彭 吕 苏 卢 蒋
	蔡 贾 丁 魏 薛 叶 阎 余 潘 杜 戴 夏 钟 汪 田 任 姜 范 方 石 姚 谭 廖 邹 熊 金 陆 郝 孔 白 崔 康 毛 邱 秦 江 史 顾 侯 邵 孟 龙 万 段 雷 钱 汤 尹 黎 易 常 武 乔 贺 赖 龚 文`
