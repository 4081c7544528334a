package note

import (
	"regexp"

	"github.com/bedside-lm/bedside/clinical/terms"
)

// cues are a language's words that say what is stated of the names near them.
type cues struct {
	negation, past, possible, family, given, ordered, allergy, planned, turn *regexp.Regexp
}

func re(s string) *regexp.Regexp { return regexp.MustCompile(`(?i)` + s) }

var cuesOf = map[terms.Lang]*cues{
	terms.English: {
		negation: re(`\b(no|not|without|never|none|den(?:ies|ied|y|ying)|absen\w+|negative|nor|neither|cannot|lack\w*|ruled out|excluded?|missing|free (?:of|from)|nil|withheld|declined|refused)\b|n't\b|\bw/o\b`),
		past:     re(`\b(past|history|hx|pmhx?|previous\w*|prior|resolved|former\w*|known|chronic|longstanding|background|comorbid\w*|years ago|in (?:19|20)\d\d)\b`),
		possible: re(`\b(suspect\w*|possibl[ey]|probabl[ey]|likely|presumed|query|concern\w*|suspicion|consider\w*|differential|ddx|r/o|rule out|exclude|may|might|could|perhaps)\b|\?`),
		family:   re(`\b(family|familial|father|mother|brother|sister|parents?|grand\w+|uncle|aunt|son|daughter|relatives?|fhx?|sibling|cousin|dad|mum)\b`),
		given:    re(`\b(given|gave|receiv\w+|administered|got|treated|started on|infus\w+|took|tak(?:es|ing)|dosed|home med\w*|meds|medications?|loaded|uses?|on)\b`),
		ordered:  re(`\b(order\w*|prescri\w+|rx|to start|will start|start|begin|plan)\b`),
		allergy:  re(`\b(allerg\w+|hypersensitiv\w+|react(?:s|ed|ion)s?|adr)\b`),
		planned:  re(`\b(plan\w*|schedul\w+|consider\w*|await\w*|for|will|consent\w*|listed|booked|need|if|avoid|hold|monitor|watch|risk|stop\w*|discontinu\w+)\b`),
		turn:     re(`\b(but|however|although|though|except|despite|because|due to|is|has|shows?|reports)\b|;|\.\s`),
	},
	terms.Chinese: {
		negation: re(`没有|未|无|否认|排除|除外|阴性|不存在|不伴|并非|缺乏|拒绝|暂不|（-）`),
		past:     re(`既往|病史|曾|过去|基础|史|年前`),
		possible: re(`疑|可能|待排|待查|考虑|不除外|不能排除|不排除|？`),
		family:   re(`家族|父|母|兄|弟|姐|妹|祖|爷|奶|外公|外婆|叔|姑|姨|儿子|女儿|亲属`),
		given:    re(`给予|予|给药|已用|使用|应用|加用|接受|静滴|输注|注射|服用|口服|泵入|用药`),
		ordered:  re(`医嘱|开具|处方|拟|准备|明日`),
		allergy:  re(`过敏`),
		planned:  re(`拟|计划|预约|择期|建议|必要时|若|明日|避免|慎用|禁用|停|警惕|注意|预防|监测`),
		turn:     re(`但|而|不过|然而|提示|示|；|;|。`),
	},
}

// Rules reads a piece without a model: the names of the table, by the words near them. A word of denial counts for the
// names behind it up to the next word that turns the sentence; where there are none, for the last one before it. It is
// what is told where no model reads notes, and what models are held against.
func Rules(p *Piece) []Statement {
	var out []Statement
	for from, i := 0, 0; from < len(p.Text); {
		to := from + sentence(p.Text[from:])
		s := newScope(p.Text[from:to], p.Lang)
		var here []Mention
		for ; i < len(p.Found) && p.Found[i].Start < to; i++ {
			m := p.Found[i]
			m.Span = Span{m.Start - from, m.End - from}
			here = append(here, m)
		}
		for k, relation := range s.relations(here) {
			st := Statement{Mention: p.Found[i-len(here)+k], Relation: relation}
			if relation == Value {
				st.Value = st.Mention.Values[0]
			}
			out = append(out, st)
		}
		from = to
	}
	return out
}

// ByRule reads a whole note so. Bytes are those of the note.
func ByRule(text string) []Statement {
	var out []Statement
	pieces := Pieces(text)
	for i := range pieces {
		for _, s := range Rules(&pieces[i]) {
			out = append(out, s.Shift(pieces[i].Start))
		}
	}
	return out
}

// scope is a sentence and where its words of each kind stand.
type scope struct {
	text  string
	cues  *cues
	turns [][]int
}

func newScope(text string, lang terms.Lang) *scope {
	c := cuesOf[lang]
	return &scope{text: text, cues: c, turns: c.turn.FindAllStringIndex(text, -1)}
}

// part is the stretch between two turns that holds byte i.
func (s *scope) part(i int) (from, to int) {
	to = len(s.text)
	for _, t := range s.turns {
		if t[1] <= i {
			from = t[1]
		} else if t[0] >= i {
			return from, t[0]
		}
	}
	return from, to
}

// denied says which of the names the sentence denies.
func (s *scope) denied(names []Mention) map[int]bool {
	out := map[int]bool{}
	for _, word := range s.cues.negation.FindAllStringIndex(s.text, -1) {
		_, to := s.part(word[1])
		last, behind := -1, false
		for k := range names {
			switch {
			case names[k].Start >= word[1] && names[k].Start < to:
				out[k], behind = true, true
			case names[k].End <= word[0]:
				last = k
			}
		}
		if !behind && last >= 0 {
			out[last] = true
		}
	}
	return out
}

const behind = 12 // bytes behind a name in which a word still counts for it

// speaks says whether a word stands before the name in its part, or right behind it.
func (s *scope) speaks(word *regexp.Regexp, m *Mention) bool {
	from, to := s.part(m.Start)
	for _, at := range word.FindAllStringIndex(s.text, -1) {
		if at[0] >= from && at[1] <= m.Start || at[0] >= m.End && at[0] < min(to, m.End+behind) {
			return true
		}
	}
	return false
}

// relations are what the sentence states of each of its names.
func (s *scope) relations(names []Mention) []Relation {
	out := make([]Relation, len(names))
	denied := s.denied(names)
	for k := range names {
		out[k] = s.relation(&names[k], denied[k])
	}
	return out
}

func (s *scope) relation(m *Mention, denied bool) Relation {
	c, whole := s.cues, s.text
	switch {
	case m.Values != nil:
		return Value
	case m.is("diagnosis") && c.family.MatchString(whole):
		return Family
	case denied:
		return Denied
	case (m.is("drug") || m.is("allergen")) && c.allergy.MatchString(whole):
		return Allergy
	case m.is("diagnosis"):
		switch {
		case s.speaks(c.possible, m):
			return Possible
		case s.speaks(c.past, m):
			return History
		}
		return Diagnosis
	case m.is("drug"):
		switch {
		case s.speaks(c.ordered, m):
			return Ordered
		case s.speaks(c.given, m):
			return Given
		}
	case m.is("procedure") && !s.speaks(c.planned, m):
		return Done
	}
	return Named
}
