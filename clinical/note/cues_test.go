package note

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/clinical/internal/tsv"
	"github.com/bedside-lm/bedside/clinical/terms"
)

// No word of the table stands twice with what contradicts, and each is found where it stands alone.
func TestCues(t *testing.T) {
	_, err := loadCues()
	require.NoError(t, err)
	rows, err := tsv.Rows(cueFile, cuePath, 6)
	require.NoError(t, err)
	said := map[string]string{}
	for _, r := range rows {
		for word := range strings.SplitSeq(r[5], "|") {
			require.Equal(t, strings.TrimSpace(word), word, "%q", word)
			require.NotEmpty(t, word)
			for k, relation := range r[2:5] {
				key := strings.Join([]string{r[0], word, r[1], "-dgp"[k : k+1]}, " ")
				require.False(t, relation != "-" && said[key] != "" && said[key] != relation, "%s: %s and %s", key, said[key], relation)
				if relation != "-" {
					said[key] = relation
				}
			}
			text := strings.ReplaceAll(word, "#", "3")
			hits := cuesOf()[terms.Lang(r[0])].find(text, nil)
			require.Len(t, hits, 1, "%q", word)
			require.Equal(t, Span{0, len(text)}, hits[0].Span, "%q", word)
		}
	}
}
