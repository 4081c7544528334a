package tsv_test

import (
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/clinical/internal/tsv"
)

func TestRows(t *testing.T) {
	files := fstest.MapFS{"data/a.tsv": {Data: []byte("name\tvalue\na\t1\nb\t\n")}, "data/b.tsv": {Data: []byte("name\tvalue\na\t1\nb\n")}}
	rows, err := tsv.Rows(files, "data/a.tsv", 2)
	require.NoError(t, err)
	require.Equal(t, [][]string{{"a", "1"}, {"b", ""}}, rows)
	_, err = tsv.Rows(files, "data/b.tsv", 2)
	require.EqualError(t, err, "data/b.tsv line 3: 1 columns, want 2")
	_, err = tsv.Rows(files, "data/c.tsv", 2)
	require.Error(t, err)
}
