package server

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
	"github.com/bedside-lm/bedside/server/config"
)

// recordSchema is of the kind that the clinical functions will ask for.
const recordSchema = `{
  "$defs": {"reading": {
    "type": "object", "additionalProperties": false, "required": ["name", "value", "unit"],
    "properties": {"name": {"enum": ["heart rate", "SpO2", "temperature", "心率"]}, "value": {"type": "number", "minimum": 0, "maximum": 300},
                   "unit": {"type": "string", "maxLength": 6}, "note": {"type": ["string", "null"], "maxLength": 6}}}},
  "type": "object", "additionalProperties": false, "required": ["patient_identifier", "severity", "readings"],
  "properties": {"patient_identifier": {"type": "string", "pattern": "^[A-Z]{2}[0-9]{4}$"}, "severity": {"enum": ["low", "moderate", "high"]},
                 "age": {"type": "integer", "minimum": 0, "maximum": 120},
                 "readings": {"type": "array", "minItems": 1, "maxItems": 1, "items": {"$ref": "#/$defs/reading"}}}}`

func regexForm(pattern string) *bedsidev1.Constraint {
	return &bedsidev1.Constraint{Form: &bedsidev1.Constraint_Regex{Regex: pattern}}
}

func schemaForm(schema string) *bedsidev1.Constraint {
	return &bedsidev1.Constraint{Form: &bedsidev1.Constraint_JsonSchema{JsonSchema: schema}}
}

func choiceForm(texts ...string) *bedsidev1.Constraint {
	return &bedsidev1.Constraint{Form: &bedsidev1.Constraint_Choices{Choices: &bedsidev1.Choices{Texts: texts}}}
}

// constrained are requests of every form, greedy and seeded, among them some whose first tokens are forced.
func constrained() []*bedsidev1.GenerateRequest {
	forms := []*bedsidev1.Constraint{
		schemaForm(recordSchema), choiceForm("yes", "no", "yes, but only after the antibiotics were given", "心率过快"),
		regexForm(`The patient's heart rate is \d{2,3} beats per minute, which is (normal|too high|too low)\.`), schemaForm(recordSchema),
	}
	var out []*bedsidev1.GenerateRequest
	for i := range 6 {
		req := promptRequest(prompt(uint64(700+i), promptLengths[i]), &bedsidev1.Sampling{MaxTokens: ptr(int32(160))})
		req.Constraint = forms[i%len(forms)]
		if i%2 == 1 {
			req.Sampling.Temperature, req.Sampling.Seed, req.Sampling.TopP = 1.2, ptr(uint64(i)), ptr(float32(0.95))
		}
		if i%3 == 2 {
			req.Sampling.RepetitionPenalty = ptr(float32(1.1))
		}
		out = append(out, req)
	}
	return out
}

func schemaValidator(t *testing.T, schema string) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(schema))
	require.NoError(t, err)
	c := jsonschema.NewCompiler()
	require.NoError(t, c.AddResource("schema.json", doc))
	compiled, err := c.Compile("schema.json")
	require.NoError(t, err)
	return compiled
}

// requireForm holds an answer against what was asked, by other means than the server's.
func requireForm(t *testing.T, req *bedsidev1.GenerateRequest, text string) {
	t.Helper()
	switch f := req.GetConstraint().GetForm().(type) {
	case *bedsidev1.Constraint_Choices:
		require.Contains(t, f.Choices.GetTexts(), text)
	case *bedsidev1.Constraint_Regex:
		require.Regexp(t, regexp.MustCompile(`^(?:`+f.Regex+`)$`), text)
	case *bedsidev1.Constraint_JsonSchema:
		doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		require.NoError(t, err, text)
		require.NoError(t, schemaValidator(t, f.JsonSchema).Validate(doc), text)
	}
}

func TestConstraints(t *testing.T) {
	s := startServer(t, nil)
	client := bedsidev1.NewGenerationServiceClient(dial(t, s))

	t.Run("the text has its form", func(t *testing.T) {
		for i, req := range constrained() {
			whole, err := client.Generate(t.Context(), req)
			require.NoError(t, err)
			t.Log(i, whole.GetUsage(), whole.GetText())
			require.True(t, whole.GetConstraintMet())
			require.Equal(t, bedsidev1.FinishReason_FINISH_REASON_STOP, whole.GetFinishReason())
			requireForm(t, req, whole.GetText())

			if i > 2 {
				continue
			}
			stream, err := client.StreamGenerate(t.Context(), req)
			require.NoError(t, err)
			text, last, err := collect(stream)
			require.NoError(t, err)
			require.Equal(t, whole.GetText(), text)
			require.True(t, last.GetConstraintMet())
			require.Equal(t, whole.GetUsage().String(), last.GetUsage().String())
		}
	})
	t.Run("max_tokens in the middle is told", func(t *testing.T) {
		for _, most := range []int32{1, 2, 3, 5, 9, 14} {
			req := constrained()[0]
			req.Sampling.MaxTokens = ptr(most)
			cut, err := client.Generate(t.Context(), req)
			require.NoError(t, err)
			require.Equal(t, bedsidev1.FinishReason_FINISH_REASON_LENGTH, cut.GetFinishReason())
			require.Equal(t, most, cut.GetUsage().GetCompletionTokens())
			require.NotNil(t, cut.ConstraintMet)
			require.False(t, cut.GetConstraintMet())
		}
	})
	t.Run("a text with one form alone", func(t *testing.T) {
		for _, text := range []string{"x", "The quick brown fox jumps over the lazy dog."} {
			req := promptRequest("Say it:", nil)
			req.Constraint = choiceForm(text)
			resp, err := client.Generate(t.Context(), req)
			require.NoError(t, err)
			require.Equal(t, text, resp.GetText())
			require.True(t, resp.GetConstraintMet())
		}
	})
	t.Run("stop strings", func(t *testing.T) {
		req := promptRequest("Say it:", &bedsidev1.Sampling{Stop: []string{"heart"}})
		req.Constraint = regexForm(`The patient's heart rate is \d{2,3}`)
		resp, err := client.Generate(t.Context(), req)
		require.NoError(t, err)
		require.Equal(t, "The patient's ", resp.GetText())
		require.Equal(t, bedsidev1.FinishReason_FINISH_REASON_STOP_SEQUENCE, resp.GetFinishReason())
		require.False(t, resp.GetConstraintMet())
		req.Constraint = regexForm(`The patient's (heart rate is \d{2,3})?`)
		resp, err = client.Generate(t.Context(), req)
		require.NoError(t, err)
		require.True(t, resp.GetConstraintMet(), "%q", resp.GetText())
	})
	t.Run("log probabilities", func(t *testing.T) {
		req := promptRequest("Say it:", &bedsidev1.Sampling{Logprobs: 1})
		req.Constraint = regexForm(`The patient's heart rate is \d{2,3} bpm`)
		resp, err := client.Generate(t.Context(), req)
		require.NoError(t, err)
		requireForm(t, req, resp.GetText())
		require.Len(t, resp.GetLogprobs(), int(resp.GetUsage().GetCompletionTokens()))
		var text strings.Builder
		for _, token := range resp.GetLogprobs() {
			require.Negative(t, token.GetToken().GetLogprob())
			text.Write(token.GetToken().GetPiece())
		}
		require.Equal(t, resp.GetText(), text.String())
	})
	t.Run("without a constraint nothing is told", func(t *testing.T) {
		resp, err := client.Generate(t.Context(), promptRequest("Say it:", &bedsidev1.Sampling{MaxTokens: ptr(int32(2))}))
		require.NoError(t, err)
		require.Nil(t, resp.ConstraintMet)
	})
	t.Run("errors name the place", func(t *testing.T) { testConstraintErrors(t, client) })
}

func testConstraintErrors(t *testing.T, client bedsidev1.GenerationServiceClient) {
	t.Helper()
	for i, c := range []struct {
		form    *bedsidev1.Constraint
		field   string
		message string
	}{
		{&bedsidev1.Constraint{}, "constraint.form", ""},
		{choiceForm(), "constraint.choices.texts", ""},
		{choiceForm("a", ""), "constraint.choices.texts[1]", ""},
		{choiceForm("\x04"), "constraint.choices.texts", "has no text that the model has tokens for"},
		{regexForm("("), "constraint.regex", "missing closing )"},
		{regexForm(`a\b`), "constraint.regex", "anchor or a word boundary"},
		{regexForm(strings.Repeat("a", 4097)), "constraint.regex", ""},
		{regexForm(`(.*a.{1000}b){2}`), "constraint.regex", ""},
		{schemaForm("{"), "constraint.json_schema", "is not JSON"},
		{schemaForm(`{"properties": {"age": {"multipleOf": 2}}}`), "constraint.json_schema", "/properties/#0/multipleOf: is not a supported keyword"},
		{schemaForm(`{"properties": {"Frau Muster": {"not": {}}}}`), "constraint.json_schema", "/properties/#0/not: is not a supported keyword"},
		{schemaForm(`{"type": "integer", "minimum": 3, "maximum": 2}`), "constraint.json_schema", "nothing fulfils it"},
		{schemaForm(`{"$ref": "#/$defs/x"}`), "constraint.json_schema", "definition that is not there"},
	} {
		req := promptRequest("x", &bedsidev1.Sampling{MaxTokens: ptr(int32(3))})
		req.Constraint = c.form
		_, err := client.Generate(t.Context(), req)
		if i == 7 && err == nil {
			continue // whether it is too much depends on the limits alone
		}
		require.Equal(t, codes.InvalidArgument, status.Code(err), "%v: %v", c.form, err)
		found := false
		for _, d := range status.Convert(err).Details() {
			if bad, ok := d.(*errdetails.BadRequest); ok {
				for _, v := range bad.GetFieldViolations() {
					found = found || v.GetField() == c.field && strings.Contains(v.GetDescription(), c.message)
				}
			}
		}
		require.True(t, found, "%v: %v", c.form, status.Convert(err).Details())
		require.NotContains(t, err.Error(), "Muster")
	}
}

// TestConstrainedAnswersDoNotDependOnLoad asks constrained questions alone, among others, and with small budgets, in which what
// is forced is cut into rows of other lengths. Texts must be the same bytes.
func TestConstrainedAnswersDoNotDependOnLoad(t *testing.T) {
	asked := constrained()
	var others []*bedsidev1.GenerateRequest
	for i := range 12 {
		others = append(others, promptRequest(prompt(uint64(900+i), 1+(i*37)%90), &bedsidev1.Sampling{MaxTokens: ptr(int32(1 + i%30))}))
	}
	alone := ask(t, startServer(t, nil), asked, nil, false)
	for _, sizes := range []struct{ budget, chunk, slots int }{{256, 128, 64}, {4, 2, 4}} {
		t.Run(fmt.Sprintf("budget %d chunk %d", sizes.budget, sizes.chunk), func(t *testing.T) {
			s := startServer(t, func(c *config.Config) { c.TokenBudget, c.MaxChunk, c.Slots = sizes.budget, sizes.chunk, sizes.slots })
			n := len(asked)
			if sizes.budget < 16 {
				n = 4 // the shorter prompts: the smallest budgets take the most steps
			}
			require.Equal(t, alone[:n], ask(t, s, asked[:n], others[:n/2], true))
		})
	}
}

// TestDeviceModelsWriteForms: recurrent models read what is forced in one row too, and give the same bytes however it is cut.
func TestDeviceModelsWriteForms(t *testing.T) {
	var asked []*bedsidev1.GenerateRequest
	for i, req := range constrained() {
		for j, name := range slices.Sorted(maps.Keys(deviceKinds)) {
			req := proto.CloneOf(req)
			req.Model, req.Input = name, &bedsidev1.GenerateRequest_Prompt{Prompt: strings.Repeat("Ab", 1+(i+j)%3)}
			req.Sampling.MaxTokens = ptr(int32(50)) // they have room for 64 tokens
			asked = append(asked, req)
		}
	}
	s := startServer(t, withDeviceModels)
	client := bedsidev1.NewGenerationServiceClient(dial(t, s))
	met := 0
	for _, req := range asked {
		resp, err := client.Generate(t.Context(), req)
		require.NoError(t, err)
		if resp.GetConstraintMet() {
			requireForm(t, req, resp.GetText())
			met++
		}
	}
	require.Positive(t, met)
	alone := ask(t, s, asked, nil, false)
	require.Equal(t, alone, ask(t, s, asked, nil, true), "among others")
	cut := startServer(t, func(c *config.Config) {
		withDeviceModels(c)
		c.Slots, c.TokenBudget, c.MaxChunk = 4, 4, 2
	})
	require.Equal(t, alone, ask(t, cut, asked, nil, true), "in small pieces")
}
