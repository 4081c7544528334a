package constrain

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSchemaRefused(t *testing.T) {
	for schema, want := range map[string]struct {
		kind Kind
		path string
	}{
		``:                                   {KindInvalid, ""},
		`{"type": "string"`:                  {KindInvalid, ""},
		`{} {}`:                              {KindInvalid, ""},
		`{"type": "string", "type": "null"}`: {KindInvalid, ""},
		"{\"type\": \"\xff\"}":               {KindInvalid, ""},
		`[]`:                                 {KindInvalid, ""},
		`{"type": "text"}`:                   {KindInvalid, "/type"},
		`{"type": []}`:                       {KindInvalid, "/type"},
		`{"type": ["string", 3]}`:            {KindInvalid, "/type"},
		`{"oneOf": [{}]}`:                    {KindUnsupported, "/oneOf"},
		`{"properties": {"a": {"format": "date"}}}`:                         {KindUnsupported, "/properties/#0/format"},
		`{"properties": {"Frau Muster": {"multipleOf": 3}}}`:                {KindUnsupported, "/properties/#0/multipleOf"},
		`{"$refMuster": 3}`:                                                 {KindUnsupported, "/#0"},
		`{"properties": {"a": {"Frau Muster": 3}}}`:                         {KindUnsupported, "/properties/#0/#0"},
		`{"properties": {"a": {"$id": "x"}}}`:                               {KindUnsupported, "/properties/#0/$id"},
		`{"items": {"anyOf": [{}, {"not": {}}]}}`:                           {KindUnsupported, "/items/anyOf/1/not"},
		`{"items": {"anyOf": []}}`:                                          {KindInvalid, "/items/anyOf"},
		`{"allOf": [{}, {}]}`:                                               {KindUnsupported, "/allOf"},
		`{"uniqueItems": true}`:                                             {KindUnsupported, "/uniqueItems"},
		`{"$ref": "#/$defs/a", "$defs": {"b": {}}}`:                         {KindInvalid, "/$ref"},
		`{"$ref": "other.json"}`:                                            {KindUnsupported, "/$ref"},
		`{"$ref": "#/properties/a"}`:                                        {KindUnsupported, "/$ref"},
		`{"$ref": "#", "type": "object"}`:                                   {KindUnsupported, "/type"},
		`{"$ref": 3}`:                                                       {KindInvalid, "/$ref"},
		`{"enum": ["a"], "maxLength": 3}`:                                   {KindUnsupported, "/maxLength"},
		`{"enum": []}`:                                                      {KindInvalid, "/enum"},
		`{"type": "string", "minLength": -1}`:                               {KindInvalid, "/minLength"},
		`{"type": "string", "minLength": 1.5}`:                              {KindInvalid, "/minLength"},
		`{"type": "string", "maxLength": 1000001}`:                          {KindLimit, "/maxLength"},
		`{"type": "string", "maxLength": 1e9999999}`:                        {KindLimit, ""},
		`{"type": "string", "pattern": "("}`:                                {KindInvalid, "/pattern"},
		`{"type": "string", "pattern": "a\\b"}`:                             {KindUnsupported, "/pattern"},
		`{"type": "string", "pattern": "a", "maxLength": 3}`:                {KindUnsupported, "/maxLength"},
		`{"type": "string", "pattern": 3}`:                                  {KindInvalid, "/pattern"},
		`{"type": "number", "minimum": "3"}`:                                {KindInvalid, "/minimum"},
		`{"type": "number", "minimum": 1e-300}`:                             {KindLimit, "/minimum"},
		`{"type": "number", "exclusiveMinimum": true}`:                      {KindInvalid, "/exclusiveMinimum"},
		`{"required": "a"}`:                                                 {KindInvalid, "/required"},
		`{"required": ["a", "a"]}`:                                          {KindInvalid, "/required/1"},
		`{"properties": []}`:                                                {KindInvalid, "/properties"},
		`{"properties": {"a": 3}}`:                                          {KindInvalid, "/properties/#0"},
		`false`:                                                             {KindEmpty, ""},
		`{"type": "string", "minLength": 3, "maxLength": 2}`:                {KindEmpty, ""},
		`{"type": "integer", "exclusiveMinimum": 1, "exclusiveMaximum": 2}`: {KindEmpty, ""},
		`{"type": "array", "minItems": 1, "items": false}`:                  {KindEmpty, ""},
		`{"type": "integer", "const": 1.5}`:                                 {KindEmpty, ""},
		`{"$ref": "#"}`:                                                     {KindEmpty, ""},
		`{"properties": {"a": {"$ref": "#"}}, "required": ["a"]}`:           {KindEmpty, ""},
		strings.Repeat(`{"items": `, 40) + `{}` + strings.Repeat(`}`, 40):   {KindUnsupported, "?"},
		strings.Repeat(`[`, 70) + strings.Repeat(`]`, 70):                   {KindLimit, ""},
		`{"const": "` + strings.Repeat("a", MaxSchemaBytes) + `"}`:          {KindLimit, ""},
	} {
		_, err := JSONSchema([]byte(schema))
		if want.path == "?" {
			require.NoError(t, err) // 40 levels of arrays are fine
			continue
		}
		requireKind(t, want.kind, err, schema)
		var e *Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, want.path, e.Path, schema)
		require.NotContains(t, err.Error(), "Muster")
	}
}

// A schema's language is part of what the validator takes, and holds what it should hold.
func TestSchemaTakes(t *testing.T) {
	_, v := testVocabulary()
	for _, c := range []struct {
		schema  string
		yes, no []string
	}{
		{`{"type": "string", "minLength": 1, "maxLength": 2}`, []string{`"a"`, `"心率"`, `"\n\""`}, []string{`""`, `"abc"`, `"` + "\n" + `"`, `a`, `"a" `, `"\u0041"`}},
		{`{"type": "object", "properties": {"a": {"type": "null"}, "b": {"type": "null"}, "c": {"type": "null"}}, "required": ["b"]}`,
			[]string{`{"b": null}`, `{"a": null, "b": null}`, `{"a": null, "b": null, "c": null}`, `{"b": null, "c": null}`},
			[]string{`{}`, `{"a": null}`, `{"b": null, "a": null}`, `{"b": null, "d": null}`, `{"b":null}`, `{"b": null,"c": null}`, `{"b": null, }`}},
		{`{"type": "object", "properties": {"a": {"type": "null"}}}`, []string{`{}`, `{"a": null}`}, []string{`{"a": null, "a": null}`}},
		{`{"type": "object", "required": ["x"], "additionalProperties": {"type": "boolean"}}`, []string{`{"x": true}`}, []string{`{}`, `{"x": 1}`}},
		{`{"type": "object", "additionalProperties": {"type": "boolean"}}`, []string{`{}`, `{"x": true, "y": false}`}, []string{`{"x": 1}`, `{"": true}`}},
		{`{"type": "array", "items": {"type": "boolean"}, "minItems": 1, "maxItems": 2}`, []string{`[true]`, `[true, false]`}, []string{`[]`, `[true, true, true]`, `[true,true]`}},
		{`{"type": "array", "items": false}`, []string{`[]`}, []string{`[1]`}},
		{`{"enum": ["a", 1.50, {"k": [null]}, "\u0001"]}`, []string{`"a"`, `1.50`, `{"k": [null]}`, `"\u0001"`}, []string{`1.5`, `{"k":[null]}`}},
		{`{"type": "integer", "enum": [1, 2.0, 2.5, "3"]}`, []string{`1`, `2.0`}, []string{`2.5`, `"3"`}},
		{`{"type": ["integer", "null"], "maximum": 3}`, []string{`3`, `null`, `-7`}, []string{`4`, `2.0`, `-0`}},
		{`{"type": "string", "pattern": "^a|b$"}`, []string{`"axx"`, `"xxb"`, `"a"`}, []string{`"xax"`, `"bx"`}},
		{`{"type": "string", "pattern": "[\"\\\\\\n]"}`, []string{`"x\"x"`, `"\\"`, `"\n"`}, []string{`"x"`}},
		{`{"type": "string", "pattern": "^[\\x00-\\x1f]$"}`, []string{`"\u0000"`, `"\t"`, `"\u001f"`}, []string{`"\u0020"`, `" "`}},
		{`{"$defs": {"t": {"type": "object", "properties": {"k": {"$ref": "#/$defs/t"}}}}, "$ref": "#/$defs/t"}`,
			[]string{`{}`, `{"k": {"k": {}}}`, strings.Repeat(`{"k": `, MaxReferences-1) + `{}` + strings.Repeat(`}`, MaxReferences-1)},
			[]string{strings.Repeat(`{"k": `, MaxReferences) + `{}` + strings.Repeat(`}`, MaxReferences)}},
		{`{"$defs": {"a/b~c": {"const": 1}}, "$ref": "#/$defs/a~1b~0c"}`, []string{`1`}, []string{`2`}},
		{`true`, []string{`null`, `"x"`, `[1, {"a": [true]}]`, `-1.5`, `{}`}, []string{`nul`, `01`, `1.`, `.5`, `1e3`, `[1,]`}},
	} {
		g, err := JSONSchema([]byte(c.schema))
		a := compileFor(t, v, g, err)
		check := validator(t, c.schema)
		for _, text := range c.yes {
			require.True(t, a.Matches(text), "%s of %s", text, c.schema)
			require.NoError(t, validate(check, text))
		}
		for _, text := range c.no {
			require.False(t, a.Matches(text), "%s of %s", text, c.schema)
		}
	}
}

// Ranges of numbers are held against exact arithmetic, at their bounds and around them.
func TestNumberRanges(t *testing.T) {
	_, v := testVocabulary()
	r := rand.New(rand.NewPCG(1, 2))
	decimal := func() string {
		scale := []int64{3, 30, 1000, 200000}[r.IntN(4)]
		return big.NewRat(r.Int64N(2*scale)-scale, []int64{1, 1, 2, 10, 100, 1000}[r.IntN(6)]).FloatString(r.IntN(4))
	}
	for range 300 {
		lo, hi := decimal(), decimal()
		if rat(lo).Cmp(rat(hi)) > 0 {
			lo, hi = hi, lo
		}
		openLo, openHi, whole := r.IntN(2) == 0, r.IntN(2) == 0, r.IntN(2) == 0
		schema := fmt.Sprintf(`{"type": %q, %q: %s, %q: %s}`, pick(whole, "integer", "number"),
			pick(openLo, "exclusiveMinimum", "minimum"), lo, pick(openHi, "exclusiveMaximum", "maximum"), hi)
		var a *Automaton
		if g, err := JSONSchema([]byte(schema)); err != nil {
			requireKind(t, KindEmpty, err, schema)
		} else {
			a = compileFor(t, v, g, err)
		}
		for range 60 {
			text := near(r, lo, hi)
			x := rat(text)
			want := (x.Cmp(rat(lo)) > 0 || !openLo && x.Cmp(rat(lo)) == 0) && (x.Cmp(rat(hi)) < 0 || !openHi && x.Cmp(rat(hi)) == 0)
			want = want && !(whole && strings.Contains(text, ".")) && !(x.Sign() == 0 && text[0] == '-')
			require.Equal(t, want, a != nil && a.Matches(text), "%s of %s", text, schema)
		}
	}
}

// near draws a number at or close to a bound, or between them.
func near(r *rand.Rand, lo, hi string) string {
	digits := r.IntN(7)
	x := new(big.Rat).Set(rat(pick(r.IntN(2) == 0, lo, hi)))
	switch r.IntN(4) {
	case 0:
		step, _ := new(big.Rat).SetString("1e-" + strconv.Itoa(digits))
		x.Add(x, step.Mul(step, big.NewRat(r.Int64N(5)-2, 1)))
	case 1:
		x.Add(rat(lo), new(big.Rat).Mul(new(big.Rat).Sub(rat(hi), rat(lo)), big.NewRat(r.Int64N(101), 100)))
	case 2:
		x.Mul(x, big.NewRat(r.Int64N(30)-10, 10))
	}
	return x.FloatString(digits)
}

func rat(text string) *big.Rat {
	x, _ := new(big.Rat).SetString(text)
	return x
}

func pick(first bool, a, b string) string {
	if first {
		return a
	}
	return b
}

// FuzzSchema: any text gives an error of this package, or a form whose texts are JSON and valid where the validator takes
// the schema.
func FuzzSchema(f *testing.F) {
	f.Add(`{"type": "object", "properties": {"a": {"type": "integer", "minimum": 3}}, "required": ["a"]}`, uint64(1))
	for seed := range uint64(30) {
		s := &schemaMaker{r: rand.New(rand.NewPCG(seed, 99))}
		f.Add(s.document(), seed)
	}
	w, v := testVocabulary()
	f.Fuzz(func(t *testing.T, schema string, seed uint64) {
		if len(schema) > 2000 {
			return
		}
		g, err := JSONSchema([]byte(schema))
		if err != nil {
			var e *Error
			require.ErrorAs(t, err, &e)
			return
		}
		a, err := v.Compile(g)
		if err != nil {
			requireKind(t, KindEmpty, err, schema)
			return
		}
		out := write(t, w, a, seed, 60, seed%2 == 0)
		if check, ok := tryValidator(schema); ok && out.complete {
			require.NoError(t, validate(check, out.text), "%s\n%s", schema, out.text)
		}
	})
}
