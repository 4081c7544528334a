package deid

import (
	"strings"
	"unicode"
)

// left weighs what stands before i.
func (n *namesZH) left(i int) mark {
	k := i
	for k > 0 && (n.runes[k-1] == ' ' || n.runes[k-1] == '\u3000' || n.runes[k-1] == '\t') {
		k--
	}
	if k == 0 || n.runes[k-1] == '\n' || n.runes[k-1] == '\r' {
		return weak
	}
	r := n.runes[k-1]
	if r == '、' && n.last == k-1 && n.last > 0 { // in a list of names
		return strong
	}
	if r == '：' || r == ':' || r == '（' || r == '(' || r == '】' || r == ']' || r == '、' || r == '/' || r == '“' || r == '，' || r == ',' {
		j := k - 1
		for j > 0 && n.runes[j-1] == ' ' {
			j--
		}
		if n.cue(j, n.v.cuesBeforeZH) {
			if r == '：' || r == ':' {
				return sure
			}
			return strong
		}
		return weak
	}
	switch {
	case n.cue(k, n.v.cuesBeforeZH), n.agent(k):
		if n.last > 0 && k-n.last <= 6 && k > n.last && n.v.cuesAfterZH.has(n.between(n.last, k)) { // the title of the name before it
			return weak
		}
		return strong
	case n.cue(k, n.v.weakBeforeZH), !unicode.IsLetter(r) && !unicode.IsDigit(r), r < 0x80:
		return weak
	}
	return none
}

// agent says whether a word for somebody who does something ends at k: 见证人, 参加者, 操作员.
func (n *namesZH) agent(k int) bool {
	return k >= 2 && strings.ContainsRune("人者员师士警工", n.runes[k-1]) && !n.cue(k, patientZH) && unicode.Is(unicode.Han, n.runes[k-2]) &&
		!n.cue(k, peopleZH)
}

// peopleZH are words for people of a kind, and none in particular.
var peopleZH = words(`成人 卫士 战士 博士 学士 员工 手工 人工 施工 职工 先生 医师 老年人 中年人 青年人 年轻人 别人 他人 病人 男人 女人 正常人 健康人 本人 旁人 某人 人员 医务人员 患者 前者 后者 或者 记者 学者 两者 三者 二者`)

// cue says whether a word of a list ends at k.
func (n *namesZH) cue(k int, list set) bool {
	for length := min(6, k); length >= 1; length-- {
		if list.has(n.between(k-length, k)) {
			return true
		}
	}
	return false
}

// right weighs what stands behind end.
func (n *namesZH) right(end int) mark {
	if end >= len(n.runes) {
		return weak
	}
	k := end
	for length := min(6, len(n.runes)-k); length >= 2; length-- {
		if n.v.cuesAfterZH.has(n.between(k, k+length)) {
			return strong
		}
	}
	rest := n.text[n.at[k]:]
	for _, sign := range []string{"，男", "，女", ",男", ",女", "（男", "（女", "(男", "(女", "、男", "、女", " 男", " 女", "，性别", " 性别", "的丈夫", "的妻子", "的父亲", "的母亲", "的儿子", "的女儿", "的家属", "（电话", "(电话", "（手机", "（父", "（母", "（配偶", "（夫", "（妻", "（子", "（女"} {
		if strings.HasPrefix(rest, sign) {
			return strong
		}
	}
	r := n.runes[k]
	if n.starts(k, states) {
		return weak
	}
	if !unicode.Is(unicode.Han, r) || strings.ContainsRune(behindNames, r) {
		return weak
	}
	return none
}
