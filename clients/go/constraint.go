package bedside

import bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"

// Choices has the text be one of texts. Set it as GenerateRequest.Constraint; ConstraintMet in the answer is false where
// max_tokens or a stop string cut the text off.
func Choices(texts ...string) *bedsidev1.Constraint {
	return &bedsidev1.Constraint{Form: &bedsidev1.Constraint_Choices{Choices: &bedsidev1.Choices{Texts: texts}}}
}

// Regex has the text match a regular expression as a whole.
func Regex(pattern string) *bedsidev1.Constraint {
	return &bedsidev1.Constraint{Form: &bedsidev1.Constraint_Regex{Regex: pattern}}
}

// JSONSchema has the text be JSON that fulfils a schema, given as JSON.
func JSONSchema(schema string) *bedsidev1.Constraint {
	return &bedsidev1.Constraint{Form: &bedsidev1.Constraint_JsonSchema{JsonSchema: schema}}
}
