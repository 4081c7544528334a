package tree

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

var wide = Limits{Depth: 64, Values: 100_000, Items: 1000}

func TestPathsNameWhereANodeStands(t *testing.T) {
	text := `{"entry":[{"a":1},{"b":{"c":[true,"x"]}}],"Jane Doe":{"k":1}}`
	p := NewParser(wide)
	top, items, err := p.Outline([]byte(text), []byte("Bundle"), "entry")
	require.NoError(t, err)
	require.Len(t, items, 2)
	require.Equal(t, "Bundle.entry", top.Get("entry").Path())
	require.Equal(t, "Bundle.?.k", top.Get("Jane Doe").Get("k").Path(), "a key may be patient text")

	n, err := NewParser(wide).Tree([]byte(text), items[1], []byte("Bundle.entry"), 1, 3)
	require.NoError(t, err)
	require.Equal(t, "Bundle.entry[1].b.c[1]", n.Get("b").Get("c").Child().Next().Path())
}

func TestTextIsDecoded(t *testing.T) {
	for in, want := range map[string]string{
		`"plain"`:              "plain",
		`"\"\\\/\b\f\n\r\t"`:   "\"\\/\b\f\n\r\t",
		`"\u00e9\u4e2d"`:       "é中",
		`"\ud83d\ude00 after"`: "😀 after",
		`7.40`:                 "7.40",
		`true`:                 "true",
	} {
		n, _, err := NewParser(wide).Outline([]byte(in), []byte("x"), "entry")
		require.NoError(t, err, in)
		require.Equal(t, want, n.Text())
	}
}

func TestSyntaxErrorsPointAtTheByte(t *testing.T) {
	for _, c := range []struct {
		in     string
		offset int
		msg    string
	}{
		{``, 0, "expected a value"},
		{`{`, 1, "field name"},
		{`{"a" 1}`, 5, "colon"},
		{`{"a":1,}`, 7, "field name"},
		{`[1 2]`, 3, "comma"},
		{`[1,]`, 3, "expected a value"},
		{`{"a":1} x`, 8, "after the value"},
		{`"abc`, 4, "closing quote"},
		{"\"a\nb\"", 2, "control character"},
		{`"\q"`, 1, "unknown escape"},
		{`"\u12"`, 1, "hexadecimal"},
		{`"\ud800"`, 1, MsgSurrogate},
		{`"\udc00\ud800"`, 1, MsgSurrogate},
		{`01`, 1, "leading zero"},
		{`-`, 1, "digit"},
		{`1.`, 2, "decimal point"},
		{`1e+`, 3, "exponent"},
		{`nul`, 0, "expected a value"},
	} {
		_, _, err := NewParser(wide).Outline([]byte(c.in), []byte("x"), "entry")
		var syntax *SyntaxError
		require.ErrorAs(t, err, &syntax, c.in)
		require.Equal(t, c.offset, syntax.Offset, c.in)
		require.Contains(t, syntax.Msg, c.msg, c.in)
	}
}

func TestDuplicateKeysAreFound(t *testing.T) {
	large := `{` + strings.Repeat(`"k":1,`, 40) + `"z":2}`
	for in, want := range map[string][]string{
		`{"a":1,"b":2}`:                         nil,
		`{"a":1,"b":{"c":1,"c":2},"a":3}`:       {"x.b.c", "x.a"},
		`{"a":1,"\u0061":2}`:                    {"x.a"},
		`{"entry":[1],"entry":[2]}`:             {"x.entry"},
		large[:len(large)-len(`,"z":2}`)] + `}`: slicesOf("x.k", 39),
	} {
		p := NewParser(wide)
		_, _, err := p.Outline([]byte(in), []byte("x"), "entry")
		require.NoError(t, err, in)
		var got []string
		for _, d := range p.Duplicates {
			got = append(got, d.Path())
		}
		require.Equal(t, want, got, in)
	}
}

func slicesOf(s string, n int) []string {
	return strings.Split(strings.TrimSuffix(strings.Repeat(s+" ", n), " "), " ")
}

func TestLimitsHold(t *testing.T) {
	nest := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for _, c := range []struct {
		in     string
		limits Limits
		what   string
	}{
		{nest(5), Limits{Depth: 4, Values: 100, Items: 10}, "nesting levels"},
		{nest(4), Limits{Depth: 4, Values: 100, Items: 10}, ""},
		{`{"entry":[[[[]]]]}`, Limits{Depth: 4, Values: 100, Items: 10}, "nesting levels"},
		{`{"entry":[[[]]]}`, Limits{Depth: 4, Values: 100, Items: 10}, ""},
		{`[1,2,3]`, Limits{Depth: 4, Values: 3, Items: 10}, "values"},
		{`[1,2]`, Limits{Depth: 4, Values: 3, Items: 10}, ""},
		{`{"entry":[1,2,3]}`, Limits{Depth: 4, Values: 100, Items: 2}, "entries"},
		{`{"entry":[1,2]}`, Limits{Depth: 4, Values: 100, Items: 2}, ""},
	} {
		_, _, err := NewParser(c.limits).Outline([]byte(c.in), []byte("x"), "entry")
		var limit *LimitError
		if c.what == "" {
			require.NoError(t, err, c.in)
			continue
		}
		require.True(t, errors.As(err, &limit), "%s: %v", c.in, err)
		require.Equal(t, c.what, limit.What)
	}
}

// plain turns a tree into what encoding/json would give.
func plain(n *Node) any {
	switch n.Kind {
	case Object:
		m := map[string]any{}
		for c := n.Child(); c != nil; c = c.Next() {
			m[c.Name()] = plain(c)
		}
		return m
	case Array:
		a := []any{}
		for c := n.Child(); c != nil; c = c.Next() {
			a = append(a, plain(c))
		}
		return a
	case Number:
		return json.Number(n.Text())
	case Bool:
		return n.Text() == "true"
	case String:
		return n.Text()
	case Null:
	}
	return nil
}

func skipped(p *Parser, data []byte) error {
	p.Start(data)
	if err := p.Skip(); err != nil {
		return err
	}
	return p.End()
}

func TestWalking(t *testing.T) {
	p := NewParser(wide)
	p.Start([]byte(` {"a":[1,"\u00e9",{}],"b\n":{"c":null},"d":true} `))
	var got []string
	require.NoError(t, p.Members(func(name []byte) error {
		got = append(got, string(name)+" is "+p.Kind().String())
		if p.Kind() != Array {
			return p.Skip()
		}
		return p.Elements(func(i int) error {
			if p.Kind() != String {
				return p.Skip()
			}
			text, err := p.Text()
			got = append(got, string(text))
			return err
		})
	}))
	require.NoError(t, p.End())
	require.Equal(t, []string{"a is an array", "é", "b\n is an object", "d is a boolean"}, got)

	stop := errors.New("enough")
	p.Start([]byte(`{"a":1}`))
	require.ErrorIs(t, p.Members(func([]byte) error { return stop }), stop)
	p.Start([]byte(`[1]x`))
	require.NoError(t, p.Skip())
	require.Error(t, p.End())
	p.Start([]byte(strings.Repeat("[", 100)))
	var limit *LimitError
	require.ErrorAs(t, p.Skip(), &limit)
}

// FuzzParser holds the parser against encoding/json: the same texts are JSON, and
// they mean the same.
func FuzzParser(f *testing.F) {
	for _, s := range []string{
		`{"a":[1,2.50,-0e+1,{"b":null}],"c":"\ud83d\ude00\u0000"}`, `[]`, `"x"`, ` {"entry" : [ {} , [] ] } `,
		`{"a":1}}`, `[1,]`, `"\ud800"`, "\"\x01\"", `{"a":tru}`, `{"entry":{},"entry":[]}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if !utf8.Valid(data) {
			return
		}
		p := NewParser(Limits{Depth: 200, Values: 1 << 20, Items: 1 << 20})
		n, _, err := p.Outline(data, []byte("x"), "no such key")
		var syntax *SyntaxError
		var limit *LimitError
		switch {
		case errors.As(err, &limit):
			return
		case errors.As(err, &syntax) && syntax.Msg == MsgSurrogate:
			return
		case err != nil && skipped(p, data) == nil:
			t.Fatalf("passed over, though it is no JSON: %v", err)
		case (err == nil) != json.Valid(data):
			t.Fatalf("json.Valid says %v, the parser %v", json.Valid(data), err)
		case err != nil || len(p.Duplicates) > 0:
			return
		}
		if err := skipped(p, data); err != nil {
			t.Fatalf("passed over otherwise than read: %v", err)
		}
		dec := json.NewDecoder(strings.NewReader(string(data)))
		dec.UseNumber()
		var want any
		if err := dec.Decode(&want); err != nil {
			t.Fatal(err)
		}
		if got := plain(n); !reflect.DeepEqual(got, want) {
			t.Fatalf("got %#v, want %#v", got, want)
		}
		if _, _, err := NewParser(wide).Outline(data, []byte("x"), "entry"); errors.As(err, &syntax) {
			t.Fatalf("with an array kept apart: %v", err)
		}
	})
}
