package tenant

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/metadata"
)

func TestOf(t *testing.T) {
	for _, c := range []struct {
		name  string
		pairs []string
		want  string
		fails bool
	}{
		{name: "none"},
		{name: "one", pairs: []string{Key, "icu"}, want: "icu"},
		{name: "in capitals", pairs: []string{"Bedside-Tenant", "icu"}, want: "icu"},
		{name: "two", pairs: []string{Key, "icu", Key, "ward"}, fails: true},
		{name: "long", pairs: []string{Key, strings.Repeat("x", 65)}, fails: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Of(metadata.NewIncomingContext(t.Context(), metadata.Pairs(c.pairs...)))
			require.Equal(t, c.fails, err != nil)
			require.Equal(t, c.want, got)
		})
	}
}
