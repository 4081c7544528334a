package rules

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheTablesLoad(t *testing.T) {
	_, err := load()
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(Rules()), 150)
}
