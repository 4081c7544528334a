package constrain

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
)

// schemaMaker draws schemas of what JSONSchema supports.
type schemaMaker struct {
	r    *rand.Rand
	defs int // how many definitions there are to refer to
}

func (s *schemaMaker) pick(of ...string) string { return of[s.r.IntN(len(of))] }
func (s *schemaMaker) chance(p float64) bool    { return s.r.Float64() < p }

// document is a whole schema with its definitions, which may refer to one another and to themselves.
func (s *schemaMaker) document() string {
	s.defs = s.r.IntN(4)
	root := s.schema(3)
	if s.defs == 0 || root == "true" {
		return root
	}
	var defs []string
	for i := range s.defs {
		defs = append(defs, fmt.Sprintf(`"d%d": %s`, i, s.schema(2)))
	}
	body := strings.TrimPrefix(root, "{")
	if body != "}" {
		body = ", " + body
	}
	return `{"$defs": {` + strings.Join(defs, ", ") + `}` + body
}

func (s *schemaMaker) schema(depth int) string {
	kinds := []func(int) string{s.str, s.number, s.enum, s.simple, s.pattern, s.str, s.number}
	if depth > 0 {
		kinds = append(kinds, s.object, s.array, s.object, s.array, s.anyOf, s.several)
		if s.defs > 0 {
			kinds = append(kinds, s.ref, s.ref)
		}
	}
	return kinds[s.r.IntN(len(kinds))](depth)
}

func (s *schemaMaker) simple(int) string {
	return s.pick(`{"type": "null"}`, `{"type": "boolean"}`, `{}`, `{"description": "anything"}`, `{"type": ["boolean", "null"]}`, `true`)
}

func (s *schemaMaker) ref(int) string {
	return fmt.Sprintf(`{"$ref": "#/$defs/d%d"}`, s.r.IntN(s.defs))
}

func (s *schemaMaker) str(int) string {
	parts := []string{`"type": "string"`}
	least := s.r.IntN(6)
	if s.chance(0.5) {
		parts = append(parts, fmt.Sprintf(`"minLength": %d`, least))
	}
	if s.chance(0.7) {
		parts = append(parts, fmt.Sprintf(`"maxLength": %d`, least+s.r.IntN(30)))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

func (s *schemaMaker) pattern(int) string {
	p, _ := json.Marshal(s.pick(`^[A-Z]\d{2}(\.\d)?$`, `\d+`, `^a|b$`, `^心率`, `["\\]`, `^\S+ \S+$`, `^[^"]{2,5}$`, `\n`, `.`, `^(yes|no)$`, `^$`, `(?i)^hr$`, `[\x00-\x1f]`, `^[\x00-\x40]{3}$`))
	return fmt.Sprintf(`{"type": "string", "pattern": %s}`, p)
}

func (s *schemaMaker) decimal() string {
	n := s.r.NormFloat64() * []float64{1, 10, 1000, 1e6}[s.r.IntN(4)]
	return s.pick(strconv.FormatFloat(n, 'f', s.r.IntN(4), 64), strconv.Itoa(int(n)), strconv.FormatFloat(n, 'e', 2, 64), "0", "-0.0", "1.50")
}

func (s *schemaMaker) number(int) string {
	parts := []string{`"type": ` + s.pick(`"integer"`, `"number"`)}
	lo, hi := s.decimal(), s.decimal()
	if a, b := number(lo), number(hi); a > b {
		lo, hi = hi, lo
	}
	if s.chance(0.6) {
		parts = append(parts, `"`+s.pick("minimum", "exclusiveMinimum")+`": `+lo)
	}
	if s.chance(0.6) {
		parts = append(parts, `"`+s.pick("maximum", "exclusiveMaximum")+`": `+hi)
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

func number(text string) float64 {
	f, _ := strconv.ParseFloat(text, 64)
	return f
}

func (s *schemaMaker) enum(int) string {
	values := []string{`"yes"`, `"no"`, `"心率 \"x\"\n"`, `1`, `-2.5e3`, `null`, `true`, `[1, {"a": "b"}]`, `{"k": [], "l": {}}`, `"\u0001"`, `""`}
	s.r.Shuffle(len(values), func(i, j int) { values[i], values[j] = values[j], values[i] })
	switch s.r.IntN(3) {
	case 0:
		return `{"const": ` + values[0] + `}`
	case 1:
		return `{"type": ["string", "number"], "enum": ["a", ` + strings.Join(values[:3], ", ") + `]}`
	}
	return `{"enum": [` + strings.Join(values[:1+s.r.IntN(6)], ", ") + `]}`
}

func (s *schemaMaker) array(depth int) string {
	parts := []string{`"type": "array"`}
	if s.chance(0.9) {
		parts = append(parts, `"items": `+s.schema(depth-1))
	}
	least := s.r.IntN(3)
	if s.chance(0.5) {
		parts = append(parts, fmt.Sprintf(`"minItems": %d`, least))
	}
	if s.chance(0.8) {
		parts = append(parts, fmt.Sprintf(`"maxItems": %d`, least+s.r.IntN(4)))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

func (s *schemaMaker) object(depth int) string {
	parts := []string{`"type": "object"`}
	names := []string{"name", "value", "心率", `a "b"`, "x\ny", "unit", ""}
	s.r.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	var properties, required []string
	for _, name := range names[:s.r.IntN(5)] {
		quoted, _ := json.Marshal(name)
		properties = append(properties, string(quoted)+": "+s.schema(depth-1))
		if s.chance(0.5) {
			required = append(required, string(quoted))
		}
	}
	if s.chance(0.9) {
		parts = append(parts, `"properties": {`+strings.Join(properties, ", ")+`}`)
	}
	if s.chance(0.8) {
		parts = append(parts, `"required": [`+strings.Join(required, ", ")+`]`)
	}
	switch s.r.IntN(4) {
	case 0, 1:
		parts = append(parts, `"additionalProperties": false`)
	case 2:
		parts = append(parts, `"additionalProperties": `+s.schema(depth-1))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

func (s *schemaMaker) anyOf(depth int) string {
	parts := make([]string, 1+s.r.IntN(3))
	for i := range parts {
		parts[i] = s.schema(depth - 1)
	}
	if len(parts) == 1 {
		return `{"allOf": [` + parts[0] + `]}`
	}
	return `{"anyOf": [` + strings.Join(parts, ", ") + `]}`
}

// several is a schema of several types, each with what it says of it.
func (s *schemaMaker) several(depth int) string {
	object := strings.TrimPrefix(s.object(depth), `{"type": "object"`)
	array := strings.TrimSuffix(strings.TrimPrefix(s.array(depth), `{"type": "array"`), "}")
	return s.pick(`{"type": ["object", "array", "null"]`, `{"type": ["array", "string", "object"], "maxLength": 5`) + array + object
}

// validator compiles a schema with a library that shares nothing with this package.
func validator(t testing.TB, schema string) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(schema))
	require.NoError(t, err, schema)
	c := jsonschema.NewCompiler()
	require.NoError(t, c.AddResource("schema.json", doc))
	compiled, err := c.Compile("schema.json")
	require.NoError(t, err, schema)
	return compiled
}

// tryValidator is validator for schemas that may be no schemas.
func tryValidator(schema string) (*jsonschema.Schema, bool) {
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(schema))
	if err != nil {
		return nil, false
	}
	c := jsonschema.NewCompiler()
	if c.AddResource("schema.json", doc) != nil {
		return nil, false
	}
	compiled, err := c.Compile("schema.json")
	return compiled, err == nil
}

// validate holds a text against a schema.
func validate(schema *jsonschema.Schema, text string) error {
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		return err
	}
	return schema.Validate(doc)
}

// TestRandomSchemas draws schemas and seeds; $BEDSIDE_CONSTRAIN_PAIRS says how many (default 400). Random logits write a text
// by each, which must parse and be valid. A schema that nothing fulfils must be refused as such.
func TestRandomSchemas(t *testing.T) {
	pairs := 400
	if text := os.Getenv("BEDSIDE_CONSTRAIN_PAIRS"); text != "" {
		var err error
		pairs, err = strconv.Atoi(text)
		require.NoError(t, err)
	}
	w, v := testVocabulary()
	valid, cut, void, forced, free := 0, 0, 0, 0, 0
	for seed := range uint64(pairs) {
		s := &schemaMaker{r: rand.New(rand.NewPCG(seed, 1))}
		schema := s.document()
		g, err := JSONSchema([]byte(schema))
		if err != nil {
			requireKind(t, KindEmpty, err, schema)
			void++
			continue
		}
		a, err := v.Compile(g)
		if err != nil {
			requireKind(t, KindEmpty, err, schema)
			void++
			continue
		}
		out := write(t, w, a, seed, 600, seed%2 == 0)
		forced, free = forced+out.forced, free+out.tokens
		if !out.complete {
			cut++
			continue
		}
		require.NoError(t, validate(validator(t, schema), out.text), "seed %d\n%s\n%s", seed, schema, out.text)
		valid++
	}
	t.Logf("%d pairs: %d valid, %d cut off at 600 tokens, %d schemas that nothing fulfils; %d tokens chosen, %d forced", pairs, valid, cut, void, free, forced)
	require.GreaterOrEqual(t, valid, pairs*9/10)
}
