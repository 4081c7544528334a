package deid

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// chinese finds names and addresses of Chinese text.
func (s *scanner) chinese() {
	if strings.IndexFunc(s.text, func(r rune) bool { return unicode.Is(unicode.Han, r) }) < 0 {
		return
	}
	s.addressesZH()
	n := &namesZH{scanner: s, v: vocab(), c: likelihoods(), seen: set{}}
	n.runes, n.at = split(s.text)
	n.covered, n.begun = n.weighed()
	n.find()
	n.likely()
	n.again()
}

// split gives the characters of a text and their offsets, and the text's length behind them.
func split(text string) ([]rune, []int) {
	runes, at := make([]rune, 0, len(text)/2), make([]int, 0, len(text)/2+1)
	for i, r := range text {
		runes, at = append(runes, r), append(at, i)
	}
	return runes, append(at, len(text))
}

type namesZH struct {
	*scanner
	v     *vocabulary
	c     *counted
	runes []rune
	at    []int
	seen  set
	last  int // where the name before ended
	// For each character, how likely a name covers it and how likely one begins there.
	covered, begun []float64
}

// mark is how strongly what stands beside a name says that it is one.
type mark byte

const (
	none   mark = iota
	weak        // an end of a sentence, or a word that may stand before or behind anything
	strong      // a title, a kinship, a role
	sure        // a label with a colon
)

func (n *namesZH) find() {
	for i := 0; i < len(n.runes); {
		if end := n.name(i); end > i {
			if end-i >= 2 {
				n.seen[string(n.runes[i:end])] = struct{}{}
			}
			n.add(Name, n.at[i], n.at[end], scoreName)
			i, n.last = end, end
			continue
		}
		i++
	}
}

// name is where the name that begins at i ends, or i.
func (n *namesZH) name(i int) int {
	if end := n.labelled(i); end > i {
		return end
	}
	for _, length := range []int{2, 1} { // of the surname
		if i+length > len(n.runes) || !n.v.surnamesZH.has(n.between(i, i+length)) {
			continue
		}
		if end := n.behind(i, i+length); end > i {
			return end
		}
	}
	return i
}

// labelled takes two to four characters between a label and a stop, whatever the surname.
func (n *namesZH) labelled(i int) int {
	if !unicode.Is(unicode.Han, n.runes[i]) || n.left(i) != sure {
		return i
	}
	end := i
	for end < len(n.runes) && end-i < 5 && (unicode.Is(unicode.Han, n.runes[end]) || n.runes[end] == '·') {
		end++
	}
	if end-i < 2 || end-i > 4 || n.stopWord(i) > 0 {
		return i
	}
	return end
}

// behind decides how much of what follows a surname is the given name.
func (n *namesZH) behind(i, from int) int {
	left := n.left(i)
	stop := n.stopWord(i)
	best, bestScore := i, 0
	for given := 0; given <= 2; given++ {
		end := from + given
		if given > 0 && (end > len(n.runes) || !unicode.Is(unicode.Han, n.runes[end-1])) {
			break
		}
		score := n.score(i, from, end, left)
		if score > 0 && n.unlikely(i, end) {
			continue
		}
		if given > 0 && stop > 0 && left < sure && !(stop == end-i && left == strong && n.right(end) > none && n.kinship(i)) || stop > end-i && n.right(end) < strong || n.illness(end) {
			continue
		}
		if score > bestScore || score == bestScore && score > 0 && given == 2 && n.longer(from, end) {
			best, bestScore = end, score
		}
	}
	return best
}

// longer says whether of two names that stand equally well the one of one more character is meant.
func (n *namesZH) longer(from, end int) bool {
	hard := end >= len(n.runes) || !unicode.Is(unicode.Han, n.runes[end])
	return hard || n.usual(from, end) || !strings.ContainsRune(behindNames, n.runes[end-1])
}

// score weighs a name from i to end; 0 is none.
func (n *namesZH) score(i, from, end int, left mark) int {
	right, given := n.right(end), end-from
	usual := n.usual(from, end)
	switch {
	case given == 0: // a surname alone needs a title behind it
		if right == strong && (left > none || n.starts(end, honorifics)) && !n.titled(i) {
			return 3
		}
		return 0
	case left == sure && right > none:
		return 8
	case left == sure && usual:
		return 5
	case left == sure:
		return 2
	case left == strong && right > none:
		return 7
	case left == strong && usual:
		return 4
	case left == strong && given == 2 && n.kin(i) && n.stopWord(i) == 0 && n.stopWord(end-1) == 0 && !strings.ContainsRune(behindNames, n.runes[end-1]):
		return 2
	case left == strong && given == 1 && n.kin(i) && n.stopWord(i) == 0:
		return 1
	case right == strong && left == weak:
		return 6
	case right == strong && usual:
		return 4
	case left == weak && right == weak && usual && n.stopWord(i) == 0:
		return 3
	}
	return 0
}

// illness says whether what stands before end is the first half of a disease: 艾迪生病, 马凡综合征.
func (n *namesZH) illness(end int) bool {
	return n.starts(end, illnesses) && !n.starts(end, states)
}

func (n *namesZH) starts(at int, words []string) bool {
	rest := n.text[n.at[at]:]
	return slices.ContainsFunc(words, func(w string) bool { return strings.HasPrefix(rest, w) })
}

var (
	illnesses  = []string{"病", "综合征", "氏", "征", "症", "现象", "反射", "试验", "憩室", "体征"}
	states     = []string{"病情", "病史", "病程", "病逝", "病后", "病危", "病故", "症状"}
	honorifics = []string{"女士", "先生", "小姐", "老师", "同志"}
)

// usual says whether all characters are such as given names are made of.
func (n *namesZH) usual(from, end int) bool {
	for _, r := range n.runes[from:end] {
		if !n.v.givenZH[r] {
			return false
		}
	}
	return end > from
}

// titled says whether the character at i ends a title itself, such as the second one of 主任.
func (n *namesZH) titled(i int) bool {
	for _, w := range []string{"主任", "责任", "信任", "担任", "胜任", "上班", "原任"} {
		r := []rune(w)
		if i > 0 && n.runes[i-1] == r[0] && n.runes[i] == r[1] {
			return true
		}
	}
	return false
}

// stopWord is how many characters the longest word at i has that is no name.
func (n *namesZH) stopWord(i int) int {
	for length := min(n.v.longestZH, len(n.runes)-i); length >= 2; length-- {
		if n.v.notNamesZH.has(n.between(i, i+length)) {
			return length
		}
	}
	return 0
}

// Characters that may follow a name, beside stops and what is not Chinese.
const behindNames = `男女于因诉述说称今昨已在与和及的来到为是经由曾自未拒同表要能可住患有无行被将系入出转收执予查未言告处至从向对签电陪代夜晨术醒仍现既本反神复会负主指阅审书记拟协商提拨呼之我你他她前后均又再也就还并且时遂即当送带帮请让见问答看写交接办联打求希想觉感认听痛发咳胸头腹`

// kin says whether what stands before i is another person than the patient: what follows is a name then, and no symptom.
func (n *namesZH) kin(i int) bool {
	return !n.cue(i, patientZH)
}

// kinship says whether a relative or a neighbour is named: a name may be a word then.
func (n *namesZH) kinship(i int) bool { return n.cue(i, kinZH) }

var kinZH = words(`母亲 父亲 丈夫 妻子 儿子 女儿 之子 之女 之妻 之夫 之母 之父 其子 其女 其妻 其夫 其母 其父 其兄 其弟 其姐 其妹 配偶 爱人 老伴 儿媳 女婿 哥哥 姐姐 弟弟 妹妹
	长子 次子 长女 次女 孙子 孙女 外孙 外孙女 侄子 侄女 外甥 外甥女 邻居 同事 朋友 同学 室友 房东 保姆 护工`)

var patientZH = words(`患者 病人 老人 患儿 产妇 孕妇 家属 主任 麻醉 证明 父 母`)

// again takes the names that were found wherever else they stand.
func (n *namesZH) again() {
	if len(n.seen) == 0 {
		return
	}
	known := NewKnown()
	for name := range n.seen {
		if utf8.RuneCountInString(name) >= 3 || !n.v.notNamesZH.has(name) {
			known.add(name, Name)
		}
		n.givenOf(known, name)
	}
	known.search(n.text, func(t Type, start, end int) { n.add(t, start, end, scoreName) })
}

// givenOf has the given name searched for where it stands alone, if it is two characters and no word.
func (n *namesZH) givenOf(known *Known, name string) {
	r := []rune(name)
	if len(r) < 3 || len(r) > 4 || !n.v.surnamesZH.has(string(r[:len(r)-2])) {
		return
	}
	given := string(r[len(r)-2:])
	if _, ok := n.c.words[given]; !ok {
		known.add(given, Name)
	}
}
