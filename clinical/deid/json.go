package deid

import (
	"encoding/json"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/bedside-lm/bedside/clinical/record"
)

type nodeKind byte

const (
	object nodeKind = iota
	array
	text
	scalar // a number, true, false or null
)

// node is a value of a JSON document, by its place.
type node struct {
	kind       nodeKind
	start, end int32 // with quotes or brackets
	keyStart   int32 // of the member's name, within its quotes; 0 where there is none
	keyEnd     int32
	first      int32 // child, or -1
	next       int32 // sibling, or -1
}

// tree is a JSON document. Its nodes keep their places in the source, so that all around an edit stays as it was.
type tree struct {
	src    string
	nodes  []node
	limits Limits
	at     int
}

// parseJSON reads a document that begins at offset from of src and ends at offset to.
func parseJSON(src string, from, to int, lim Limits) (*tree, error) {
	if !json.Valid([]byte(src[from:to])) {
		return nil, invalid("document", "is not JSON")
	}
	t := &tree{src: src[:to], limits: lim, at: from}
	if _, err := t.value(0); err != nil {
		return nil, err
	}
	return t, nil
}

func (t *tree) space() {
	for t.at < len(t.src) && strings.IndexByte(" \t\r\n", t.src[t.at]) >= 0 {
		t.at++
	}
}

// value reads one value. The document is known to be valid.
func (t *tree) value(depth int) (int32, error) {
	t.space()
	if len(t.nodes) >= t.limits.Values {
		return 0, &record.LimitError{Path: "document", What: "values", Limit: int64(t.limits.Values)}
	}
	if depth > t.limits.Depth {
		return 0, &record.LimitError{Path: "document", What: "nesting levels", Limit: int64(t.limits.Depth)}
	}
	me := int32(len(t.nodes))
	t.nodes = append(t.nodes, node{start: int32(t.at), first: -1, next: -1})
	var err error
	switch c := t.src[t.at]; c {
	case '{', '[':
		err = t.children(me, c, depth)
	case '"':
		t.nodes[me].kind = text
		t.skipString()
	default:
		t.nodes[me].kind = scalar
		for t.at < len(t.src) && strings.IndexByte(",]} \t\r\n", t.src[t.at]) < 0 {
			t.at++
		}
	}
	t.nodes[me].end = int32(t.at)
	return me, err
}

func (t *tree) children(me int32, open byte, depth int) error {
	kind, closing := array, byte(']')
	if open == '{' {
		kind, closing = object, '}'
	}
	t.nodes[me].kind = kind
	last := int32(-1)
	for t.at++; ; t.at++ {
		t.space()
		if t.src[t.at] == closing {
			break
		}
		keyStart, keyEnd := 0, 0
		if kind == object {
			keyStart = t.at + 1
			t.skipString()
			keyEnd = t.at - 1
			t.space()
			t.at++ // the colon
		}
		child, err := t.value(depth + 1)
		if err != nil {
			return err
		}
		t.nodes[child].keyStart, t.nodes[child].keyEnd = int32(keyStart), int32(keyEnd)
		if last < 0 {
			t.nodes[me].first = child
		} else {
			t.nodes[last].next = child
		}
		last = child
		t.space()
		if t.src[t.at] == closing {
			break
		}
	}
	t.at++
	return nil
}

func (t *tree) skipString() {
	for t.at++; t.src[t.at] != '"'; t.at++ {
		if t.src[t.at] == '\\' {
			t.at++
		}
	}
	t.at++
}

func (t *tree) key(n int32) string { return unquoted(t.src[t.nodes[n].keyStart:t.nodes[n].keyEnd]) }

// get is a member of an object, or -1. Of several of one name it is the first.
func (t *tree) get(n int32, key string) int32 {
	if n < 0 || t.nodes[n].kind != object {
		return -1
	}
	for c := t.nodes[n].first; c >= 0; c = t.nodes[c].next {
		if t.key(c) == key {
			return c
		}
	}
	return -1
}

// str is the value of a string, "" for all else.
func (t *tree) str(n int32) string {
	if n < 0 || t.nodes[n].kind != text {
		return ""
	}
	return unquoted(t.src[t.nodes[n].start+1 : t.nodes[n].end-1])
}

// each calls fn for each child.
func (t *tree) each(n int32, fn func(child int32)) {
	for c := t.nodes[n].first; c >= 0; c = t.nodes[c].next {
		fn(c)
	}
}

func unquoted(raw string) string {
	if strings.IndexByte(raw, '\\') < 0 {
		return raw
	}
	s, _ := unescape(raw)
	return s
}

// unescape gives a string's value, and for each byte of it, and its end, where it stands in raw.
func unescape(raw string) (string, []int32) {
	out, at := make([]byte, 0, len(raw)), make([]int32, 0, len(raw)+1)
	for i := 0; i < len(raw); {
		start, n := i, len(out)
		if raw[i] != '\\' {
			out = append(out, raw[i])
			i++
		} else {
			i++
			switch c := raw[i]; c {
			case 'u':
				r := hex4(raw[i+1:])
				i += 5
				if utf16.IsSurrogate(r) && strings.HasPrefix(raw[i:], `\u`) {
					if pair := utf16.DecodeRune(r, hex4(raw[i+2:])); pair != utf8.RuneError {
						r = pair
						i += 6
					}
				}
				out = utf8.AppendRune(out, r)
			default:
				out = append(out, plainEscape(c))
				i++
			}
		}
		for range len(out) - n {
			at = append(at, int32(start))
		}
	}
	return string(out), append(at, int32(len(raw)))
}

func plainEscape(c byte) byte {
	switch c {
	case 'n':
		return '\n'
	case 't':
		return '\t'
	case 'r':
		return '\r'
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	}
	return c
}

func hex4(s string) rune {
	r := rune(0)
	for i := range 4 {
		c := s[i]
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		default:
			c -= 'A' - 10
		}
		r = r<<4 | rune(c)
	}
	return r
}

// quoted writes a string's inside.
func quoted(s string) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		return ""
	}
	q := strings.TrimSuffix(b.String(), "\n")
	return q[1 : len(q)-1]
}
