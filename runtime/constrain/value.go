package constrain

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math/big"
	"slices"
	"strings"
	"unicode/utf8"
)

type valueKind uint8

const (
	isNull valueKind = iota
	isBool
	isNumber
	isString
	isArray
	isObject
)

// value is a JSON value. Unlike those of encoding/json, its members keep their order, which a schema's text is
// written in.
type value struct {
	kind    valueKind
	truth   bool
	text    string   // of a string, or a number as it stands
	rat     *big.Rat // of a number
	names   []string // of an object's members
	members []*value // of an object, or an array
}

// get returns the member of a name, or nil.
func (v *value) get(name string) *value {
	if i := slices.Index(v.names, name); i >= 0 && v.kind == isObject {
		return v.members[i]
	}
	return nil
}

// Bounds of numbers in a schema: what is beyond takes memory to no purpose.
const (
	maxNumberBytes = 64
	maxExponent    = 400
)

// parseValue reads a JSON text.
func parseValue(text []byte) (*value, error) {
	if len(text) > MaxSchemaBytes {
		return nil, fail(KindLimit, "", "is %d bytes long; at most %d are allowed", len(text), MaxSchemaBytes)
	}
	if !utf8.Valid(text) {
		return nil, fail(KindInvalid, "", "is not valid UTF-8")
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	v, err := readValue(dec, 0)
	if err != nil {
		if e, ok := errors.AsType[*Error](err); ok {
			return nil, e
		}
		return nil, fail(KindInvalid, "", "is not JSON: it breaks off or goes wrong at byte %d", dec.InputOffset())
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, fail(KindInvalid, "", "goes on after its JSON value")
	}
	return v, nil
}

func readValue(dec *json.Decoder, depth int) (*value, error) {
	token, err := dec.Token()
	if err != nil {
		return nil, err
	}
	switch t := token.(type) {
	case nil:
		return &value{kind: isNull}, nil
	case bool:
		return &value{kind: isBool, truth: t}, nil
	case string:
		return &value{kind: isString, text: t}, nil
	case json.Number:
		return readNumber(t.String())
	}
	// Two levels of JSON for one of schemas: "properties" and the property.
	if depth >= 2*MaxDepth {
		return nil, fail(KindLimit, "", "is nested deeper than %d levels", 2*MaxDepth)
	}
	v := &value{kind: isArray}
	if token == json.Delim('{') {
		v.kind = isObject
	}
	seen := map[string]bool{}
	for dec.More() {
		if v.kind == isObject {
			token, err := dec.Token()
			name, ok := token.(string)
			if err != nil || !ok {
				return nil, io.ErrUnexpectedEOF
			}
			if seen[name] {
				return nil, fail(KindInvalid, "", "gives a name twice in one object, at byte %d", dec.InputOffset())
			}
			seen[name] = true
			v.names = append(v.names, name)
		}
		member, err := readValue(dec, depth+1)
		if err != nil {
			return nil, err
		}
		v.members = append(v.members, member)
	}
	_, err = dec.Token() // the closing bracket
	return v, err
}

func readNumber(text string) (*value, error) {
	_, exponent, _ := strings.Cut(strings.ToLower(text), "e")
	exp, ok := new(big.Int).SetString(strings.TrimPrefix(exponent, "+"), 10)
	if len(text) > maxNumberBytes || ok && exp.CmpAbs(big.NewInt(maxExponent)) > 0 {
		return nil, fail(KindLimit, "", "holds a number of more than %d characters or an exponent beyond %d", maxNumberBytes, maxExponent)
	}
	rat, ok := new(big.Rat).SetString(text)
	if !ok {
		return nil, io.ErrUnexpectedEOF
	}
	return &value{kind: isNumber, text: text, rat: rat}, nil
}

// write appends a value as it is written in an answer.
func (v *value) write(out *strings.Builder) {
	switch v.kind {
	case isNull:
		out.WriteString("null")
	case isBool:
		if v.truth {
			out.WriteString("true")
		} else {
			out.WriteString("false")
		}
	case isNumber:
		out.WriteString(v.text)
	case isString:
		out.WriteString(quote(v.text))
	case isArray:
		out.WriteByte('[')
		for i, m := range v.members {
			if i > 0 {
				out.WriteString(itemSeparator)
			}
			m.write(out)
		}
		out.WriteByte(']')
	case isObject:
		out.WriteByte('{')
		for i, m := range v.members {
			if i > 0 {
				out.WriteString(itemSeparator)
			}
			out.WriteString(quote(v.names[i]) + nameSeparator)
			m.write(out)
		}
		out.WriteByte('}')
	}
}

// quote writes a string as JSON.
func quote(text string) string {
	var out strings.Builder
	out.WriteByte('"')
	for _, r := range text {
		out.WriteString(escape(r))
	}
	out.WriteByte('"')
	return out.String()
}
