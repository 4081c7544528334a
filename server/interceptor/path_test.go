package interceptor

import (
	"testing"

	"buf.build/go/protovalidate"
	"github.com/stretchr/testify/require"

	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
)

// The key of a map is a text of the caller's, and no part of a field's path.
func TestPathsHaveNoKeysOfMaps(t *testing.T) {
	validator, err := newValidator()
	require.NoError(t, err)
	broken := validator.Validate(&bedsidev1.DeidentifyRequest{
		Input: &bedsidev1.DeidentifyRequest_Text{Text: "x"}, Known: []*bedsidev1.KnownIdentifier{{Type: "NAME", Value: "x"}, {Type: "NAME"}},
		Policy: &bedsidev1.DeidentificationPolicy{Actions: map[string]bedsidev1.DeidentificationAction{"Zhang Sanfeng": 0}},
	})
	var e *protovalidate.ValidationError
	require.ErrorAs(t, broken, &e)
	var paths []string
	for _, v := range e.Violations {
		paths = append(paths, pathOf(v.Proto.GetField()))
	}
	require.ElementsMatch(t, []string{"policy.actions[…]", "known[1].value"}, paths)
}
