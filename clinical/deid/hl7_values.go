package deid

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/bedside-lm/bedside/clinical/record"
)

// whole takes a component as an identifier.
func (h *hl7Reader) whole(t Type, path string, where [2]int, s *segment) {
	value := h.doc[where[0]:where[1]]
	if strings.Trim(value, " \"") == "" || value == "0" || tag.FindString(value) == value {
		return
	}
	instead, action := h.replaced(t, value)
	if action != Keep {
		h.replace(t, action, path, where, escaped(instead, s.delim))
	}
}

func (h *hl7Reader) replace(t Type, action Action, path string, where [2]int, instead string) {
	if h.doc[where[0]:where[1]] != instead {
		h.edits = append(h.edits, edit{t, action, where[0], where[1], instead, path})
	}
}

// escaped writes a text within a message of these delimiters.
func escaped(s string, d delimiters) string {
	if !strings.ContainsAny(s, string(d[:])) {
		return s
	}
	var b strings.Builder
	for i := range len(s) {
		at := strings.IndexByte(string(d[:]), s[i])
		if at < 0 {
			b.WriteByte(s[i])
			continue
		}
		b.WriteByte(d[3])
		b.WriteByte("FSRET"[at])
		b.WriteByte(d[3])
	}
	return b.String()
}

var escape = regexp.MustCompile(`\\(?:\.[a-z]{2}[^\\]{0,8}|[FSRETHN]|[XZCM][0-9A-Fa-f]*)\\`)

// look looks for identifiers in free text. Escapes and delimiters count as spaces.
func (h *hl7Reader) look(path string, where [2]int, s *segment) {
	value := h.doc[where[0]:where[1]]
	if len(value) > maxText {
		h.err = &record.LimitError{Path: path, What: "bytes of text", Limit: maxText}
		return
	}
	if s.delim[3] == '\\' && strings.IndexByte(value, '\\') >= 0 {
		value = escape.ReplaceAllStringFunc(value, func(m string) string {
			if strings.HasPrefix(m, `\.br`) {
				return "\n" + strings.Repeat(" ", len(m)-1)
			}
			return strings.Repeat(" ", len(m))
		})
	}
	value = strings.NewReplacer(string(s.delim[1]), " ", string(s.delim[4]), " ").Replace(value)
	h.text(value, path, func(at int) int { return where[0] + at }, func(instead string) string { return escaped(instead, s.delim) })
}

var (
	timestamp = regexp.MustCompile(`^(?:18|19|20)\d{6}(?:\d{2}(?:\d{2}(?:\d{2}(?:\.\d{1,4})?)?)?)?(?:[+-]\d{4})?$`)
	month6    = regexp.MustCompile(`^(?:18|19|20)\d{4}$`)
)

// anything is a component that no table names: a date, or free text.
func (h *hl7Reader) anything(path string, where [2]int, s *segment) {
	value := h.doc[where[0]:where[1]]
	switch {
	case timestamp.MatchString(value) && validDay(value[:8]):
		h.date(path, where, false)
	case len(value) < 2:
	default:
		h.look(path, where, s)
	}
}

// date does to a time stamp what the policy says. Of who is older than 89, the year of birth goes, too.
func (h *hl7Reader) date(path string, where [2]int, birth bool) {
	value := h.doc[where[0]:where[1]]
	if !timestamp.MatchString(value) && !month6.MatchString(value) {
		if birth && len(value) >= 4 {
			h.oldBirth(path, where, value)
		}
		return
	}
	if birth && h.oldBirth(path, where, value) {
		return
	}
	switch h.policy.action(Date) {
	case Keep:
	case Shift:
		instead := value[:4]
		if len(value) >= 8 {
			if t, err := time.Parse("20060102", value[:8]); err == nil {
				instead = t.AddDate(0, 0, h.keys.days(h.patient)).Format("20060102") + value[8:]
			}
		}
		h.replace(Date, Shift, path, where, instead)
	default:
		h.replace(Date, Generalize, path, where, value[:4])
	}
}

func (h *hl7Reader) oldBirth(path string, where [2]int, value string) bool {
	ref := h.latest
	if ref.IsZero() {
		ref = time.Now()
	}
	born, err := time.Parse("20060102", (value + "0101")[:8])
	if err != nil {
		born, err = time.Parse("2006", value[:4])
	}
	if err != nil || born.AddDate(90, 0, 0).After(ref) || h.policy.action(Age) == Keep {
		return false
	}
	if h.policy.action(Date) == Shift {
		ref = ref.AddDate(0, 0, h.keys.days(h.patient))
	}
	h.replace(Age, Generalize, path, where, strconv.Itoa(ref.Year()-90))
	return true
}
