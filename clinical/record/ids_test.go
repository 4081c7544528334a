package record_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/bedside-lm/bedside/clinical/record"
)

func TestIDsAreFHIRsAndNeverShared(t *testing.T) {
	require.Equal(t, "A-1.b", record.IDOf("A-1.b"))
	require.Empty(t, record.IDOf(""))
	names := []string{"A/1", "A-1", "A 1", "张三", "李四", strings.Repeat("x", 64), strings.Repeat("x", 65), strings.Repeat("x", 64) + "y", "\xff", "\xfe"}
	seen := map[string]bool{}
	for _, n := range names {
		seen[record.IDOf(n)] = true
	}
	require.Len(t, seen, len(names))
	fhir := regexp.MustCompile(`^[A-Za-z0-9\-.]{1,64}$`)
	rapid.Check(t, func(t *rapid.T) {
		require.Regexp(t, fhir, record.IDOf(rapid.StringN(1, 100, -1).Draw(t, "name")))
	})
}
