package deid

import (
	"slices"
	"strings"
	"unicode"
)

const (
	// maxPiece bounds how much is weighed at once; what is longer without a stop is cut.
	maxPiece = 1024
	// likelyName is from where on a character belongs to a name.
	likelyName = 0.5
	// unlikelyName is up to where what a rule takes for a name is let go.
	unlikelyName = 0.01
)

// weighed gives for each character how likely a name covers it, and how likely one begins there.
func (n *namesZH) weighed() (covered, begun []float64) {
	covered, begun = make([]float64, len(n.runes)), make([]float64, len(n.runes))
	for i := 0; i < len(n.runes); {
		end := i
		for end < len(n.runes) && end-i < maxPiece && unicode.Is(unicode.Han, n.runes[end]) {
			end++
		}
		if end-i > 1 {
			p := &piece{namesZH: n, start: i, end: end}
			c, b := weigh(end-i, p.read())
			copy(covered[i:], c)
			copy(begun[i:], b)
		}
		i = max(end, i+1)
	}
	return covered, begun
}

// likely adds what is likelier a name than not.
func (n *namesZH) likely() {
	in := func(i int) bool { return i < len(n.runes) && n.covered[i] >= likelyName }
	for i := 0; i < len(n.runes); {
		if !in(i) {
			i++
			continue
		}
		end := i + 1
		for {
			if in(end) && n.begun[end] < likelyName {
				end++
			} else if end < len(n.runes) && isDot(n.runes[end]) && in(end+1) {
				end += 2
			} else {
				break
			}
		}
		if end-i >= 2 {
			n.seen[string(n.runes[i:end])] = struct{}{}
		}
		n.add(Name, n.at[i], n.at[end], scoreName)
		i = end
	}
}

// unlikely says whether a piece is all but certain to be words.
func (n *namesZH) unlikely(from, to int) bool {
	return slices.Max(n.covered[from:to]) < unlikelyName
}

// piece is Chinese text between two characters that are not Chinese.
type piece struct {
	*namesZH
	start, end int
	readings   []reading
}

// between is the text between two characters.
func (n *namesZH) between(from, to int) string { return n.text[n.at[from]:n.at[to]] }

func (p *piece) add(from, to int, likelihood float64, name bool) {
	p.readings = append(p.readings, reading{from - p.start, to - p.start, likelihood, name})
}

// read gives all words and names that the piece may be read as, in the order of their ends.
func (p *piece) read() []reading {
	for i := p.start; i < p.end; i++ {
		p.add(i, i+1, p.c.character(p.runes[i]), false)
		for to := i + 2; to <= min(i+p.c.longest, p.end); to++ {
			if likelihood, ok := p.c.words[p.between(i, to)]; ok {
				p.add(i, to, likelihood, false)
			}
		}
		if i == p.start && p.afterDot(i) && p.foreignIllness(i) { // 奥斯古德·施拉特病
			continue
		}
		p.surnames(i)
		p.withoutSurname(i)
		p.dotted(i)
		p.peoples(i)
	}
	slices.SortStableFunc(p.readings, func(a, b reading) int { return a.to - b.to })
	return p.readings
}

// surnames adds the names that begin at i with a surname.
func (p *piece) surnames(i int) {
	for from := i + 1; from <= min(i+2, p.end); from++ {
		last, ok := p.c.surnames[p.between(i, from)]
		if !ok {
			continue
		}
		last += aName + weightBefore[p.left(i)]
		if p.starts(from, titlesBehind) || from == i+1 && p.familiar(i) {
			p.add(i, from, last+lastAlone, true)
		}
		p.given(i, from, last)
		if from == i+1 && from < p.end && p.c.frequent.has(p.between(i, from)) && p.c.frequent.has(p.between(from, from+1)) {
			p.given(i, from+1, last+ofBoth)
		}
	}
}

// given adds the names from i whose surname, of a likelihood, ends at from.
func (p *piece) given(i, from int, last float64) {
	given := 0.0
	for to := from + 1; to <= min(from+2, p.end); to++ {
		given += shareOf(p.c.given, p.runes[to-1])
		likelihood := last + given + oneGiven + p.behindLikely(to)
		if to == from+2 {
			likelihood += twoGiven - oneGiven
		}
		switch name := p.between(from, to); {
		case name == "某" || name == "某某":
			likelihood += anyName - given
		case name == "氏":
			likelihood += ofIllness
		}
		if _, ok := p.c.words[p.between(i, to)]; ok {
			likelihood += ofWord
		}
		p.add(i, to, likelihood, true)
	}
}

// familiar says whether somebody is called so: 老张, 小李.
func (p *piece) familiar(i int) bool {
	return i == p.start+1 && (p.runes[p.start] == '老' || p.runes[p.start] == '小')
}

// withoutSurname adds given names alone: before what people alone do, and those of two characters before what people do and behind
// who it is.
func (p *piece) withoutSurname(i int) {
	left := p.left(i)
	if i > p.start && left < strong {
		return
	}
	likelihood := aName + withoutLast
	for to := i + 1; to <= min(i+2, p.end); to++ {
		likelihood += shareOf(p.c.given, p.runes[to-1])
		switch {
		case i == p.start && p.starts(to, doneByPeople):
			p.add(i, to, likelihood+aPerson, true)
		case to == i+2 && (left >= strong || p.starts(to, doings)):
			p.add(i, to, likelihood+weightBefore[left]+p.behindLikely(to), true)
		}
	}
}

// maxPart bounds the parts of names that are joined by a dot.
const maxPart = 8

// dotted adds the parts of names that are joined by a dot: 阿依古丽·买买提.
func (p *piece) dotted(i int) {
	before := i == p.start && p.afterDot(i)
	behind := p.end-i <= maxPart && p.end < len(p.runes) && isDot(p.runes[p.end]) && !p.foreignIllness(p.end+1)
	if !before && !behind {
		return
	}
	likelihood := aName + joined
	for to := i + 1; to <= min(i+maxPart, p.end); to++ {
		likelihood += shareOf(p.c.foreign, p.runes[to-1])
		if !before && to < p.end {
			continue
		}
		if p.c.peoples.has(p.between(i, to)) {
			p.add(i, to, max(likelihood, aName+joined+ofPeoples), true)
			continue
		}
		p.add(i, to, likelihood, true)
	}
}

// foreignIllness says whether characters of foreign names stand at i, and then an illness: 施拉特病.
func (n *namesZH) foreignIllness(i int) bool {
	for to := i; to < min(i+maxPart, len(n.runes)); to++ {
		if to > i && n.illness(to) {
			return true
		}
		if _, ok := n.c.foreign[n.runes[to]]; !ok {
			return false
		}
	}
	return false
}

func (n *namesZH) afterDot(i int) bool { return i > 0 && isDot(n.runes[i-1]) }

func isDot(r rune) bool { return strings.ContainsRune("·•・‧．", r) }

// peoples adds names of two parts without a surname: 扎西卓玛.
func (p *piece) peoples(i int) {
	for first := i + 2; first <= min(i+4, p.end); first++ {
		if !p.c.peoples.has(p.between(i, first)) {
			continue
		}
		for to := first + 2; to <= min(first+4, p.end); to++ {
			if p.c.peoples.has(p.between(first, to)) {
				p.add(i, to, aName+2*ofPeoples+weightBefore[p.left(i)]+p.behindLikely(to), true)
			}
		}
	}
}

// behindLikely weighs what stands behind a name.
func (n *namesZH) behindLikely(end int) float64 {
	right := n.right(end)
	switch {
	case right == strong, n.starts(end, states):
	case n.starts(end, illnesses), n.starts(end, moreIllnesses):
		return ofIllness
	case n.starts(end, preparations):
		return ofDrug
	}
	return weightBehind[right]
}

var (
	titlesBehind = strings.Fields(`先生 女士 小姐 同志 老师 医生 医师 大夫 主任 副主任 主治 住院医 护士 教授 副教授 院长 博士 阿姨 大爷 大妈 奶奶 爷爷 叔叔`)
	doneByPeople = strings.Fields(`来电 回电 致电 值班 值夜班 女士 先生 姐 哥`)
	doings       = strings.Fields(`诉 称 说 表示 回忆 要求 陪同 签字 反映 拒绝 同意 今天 昨天 已到 刚来 值`)

	moreIllnesses = strings.Fields(`评分 分级 分期 分型 三联 四联 淋巴瘤 瘤 舞蹈 骨折 导管 尿管 引流管 量表 指数 甲状腺炎 脑病`)
	preparations  = strings.Fields(`片 胶囊 注射 颗粒 滴丸 丸 口服 静滴 泵入 静推 软膏 散 栓 护胃 保肝 降压 抗感染 抗凝 促动力 化痰 平喘 利尿 镇静 镇痛`)
)
