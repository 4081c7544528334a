// Package tree reads JSON (RFC 8259) into nodes that know the path they stand at,
// keep numbers as they were written, and cost no allocation each.
//
// It is stricter than encoding/json where a medical record must be: a key filed
// twice, a lone surrogate or bytes after the value are errors, not accidents.
package tree

import (
	"bytes"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// Kind is a JSON type.
type Kind uint8

// The kinds, named as an error message needs them by Kind.String.
const (
	Null Kind = iota
	Bool
	Number
	String
	Array
	Object
)

// String returns the kind with its article, such as "a string".
func (k Kind) String() string {
	return [...]string{"null", "a boolean", "a number", "a string", "an array", "an object"}[k]
}

// Node is one JSON value. It is valid until the Parser that made it is used again.
type Node struct {
	Kind    Kind
	escaped bool   // raw holds backslashes
	index   int32  // position in an array, -1 for a member of an object
	name    []byte // key of a member, name of a tree's top
	raw     []byte // text of a scalar; a string's without its quotes
	parent  *Node
	child   *Node // first
	next    *Node
}

// Get returns the member called name, or nil. A nil node has no members.
func (n *Node) Get(name string) *Node {
	if n == nil || n.Kind != Object {
		return nil
	}
	for c := n.child; c != nil; c = c.next {
		if string(c.name) == name {
			return c
		}
	}
	return nil
}

// Child returns the first member or element, or nil.
func (n *Node) Child() *Node {
	if n == nil {
		return nil
	}
	return n.child
}

// Next returns the member or element after this one, or nil.
func (n *Node) Next() *Node { return n.next }

// Parent returns the object or array that holds this node, or nil.
func (n *Node) Parent() *Node { return n.parent }

// Name returns the key of a member.
func (n *Node) Name() string { return string(n.name) }

// AfterPrefix returns what follows a prefix in a member's key, which shares the source's
// memory, and whether the key has it.
func (n *Node) AfterPrefix(prefix string) ([]byte, bool) {
	if len(n.name) < len(prefix) || string(n.name[:len(prefix)]) != prefix {
		return nil, false
	}
	return n.name[len(prefix):], true
}

// Is says whether the node is the string s, without copying it.
func (n *Node) Is(s string) bool {
	if n == nil || n.Kind != String {
		return false
	}
	if n.escaped {
		return string(unescape(n.raw)) == s
	}
	return string(n.raw) == s
}

// Raw returns a scalar's text as it was written, without a string's quotes. It
// shares the source's memory.
func (n *Node) Raw() []byte { return n.raw }

// Text returns a string's decoded text, or a scalar's text, in memory of its own.
func (n *Node) Text() string {
	if !n.escaped {
		return string(n.raw)
	}
	return string(unescape(n.raw))
}

// AppendText appends what Text returns to b.
func (n *Node) AppendText(b []byte) []byte {
	if n.escaped {
		return append(b, unescape(n.raw)...)
	}
	return append(b, n.raw...)
}

// CompareName orders members by their keys' bytes.
func CompareName(a, b *Node) int { return bytes.Compare(a.name, b.name) }

// AppendName appends a member's key to b.
func (n *Node) AppendName(b []byte) []byte { return append(b, n.name...) }

// Path returns where the node stands, such as "Bundle.entry[3].resource.code". A
// key that could be anything but a field's name is shown as "?", since it may be
// patient text.
func (n *Node) Path() string {
	if n == nil {
		return ""
	}
	return string(n.appendPath(nil))
}

// Rename gives the top of a tree another name.
func (n *Node) Rename(root []byte) { n.name = root }

func (n *Node) appendPath(b []byte) []byte {
	if n.parent != nil {
		b = n.parent.appendPath(b)
	} else {
		b = append(b, n.name...)
	}
	if n.index >= 0 {
		b = append(b, '[')
		b = strconv.AppendInt(b, int64(n.index), 10)
		return append(b, ']')
	}
	if n.parent == nil {
		return b
	}
	b = append(b, '.')
	if !fieldName(n.name) {
		return append(b, '?')
	}
	return append(b, n.name...)
}

func fieldName(b []byte) bool {
	if len(b) == 0 || len(b) > 64 {
		return false
	}
	for _, c := range b {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_') {
			return false
		}
	}
	return true
}

// unescape decodes the escapes of a string that the parser has already checked.
func unescape(raw []byte) []byte {
	out := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' {
			out = append(out, raw[i])
			continue
		}
		i++
		switch raw[i] {
		case 'b':
			out = append(out, '\b')
		case 'f':
			out = append(out, '\f')
		case 'n':
			out = append(out, '\n')
		case 'r':
			out = append(out, '\r')
		case 't':
			out = append(out, '\t')
		case 'u':
			r := hex4(raw[i+1:])
			i += 4
			if utf16.IsSurrogate(r) {
				r = utf16.DecodeRune(r, hex4(raw[i+3:]))
				i += 6
			}
			out = utf8.AppendRune(out, r)
		default:
			out = append(out, raw[i])
		}
	}
	return out
}

// hex4 returns the value of four hexadecimal digits, or -1.
func hex4(b []byte) rune {
	if len(b) < 4 {
		return -1
	}
	var r rune
	for _, c := range b[:4] {
		switch {
		case c >= '0' && c <= '9':
			r = r<<4 | rune(c-'0')
		case c >= 'a' && c <= 'f':
			r = r<<4 | rune(c-'a'+10)
		case c >= 'A' && c <= 'F':
			r = r<<4 | rune(c-'A'+10)
		default:
			return -1
		}
	}
	return r
}
