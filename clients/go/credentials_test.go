package bedside

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTokenFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	write := func(text string) { require.NoError(t, os.WriteFile(path, []byte(text), 0o600)) }
	o := defaultOptions()
	WithTokenFile(path)(&o)
	WithPurposeOfUse("TREAT")(&o)
	c := &callCredentials{token: o.token, purpose: o.purpose}
	require.True(t, c.RequireTransportSecurity())
	for _, token := range []string{"one", "renewed"} {
		write(token + "\n")
		md, err := c.GetRequestMetadata(t.Context())
		require.NoError(t, err)
		require.Equal(t, map[string]string{"authorization": "Bearer " + token, "x-purpose-of-use": "TREAT"}, md)
	}
	for _, bad := range []string{"", "\n", "hush hush", "h\u00fcsh", strings.Repeat("a", maxTokenBytes+1)} {
		write(bad)
		_, err := c.GetRequestMetadata(t.Context())
		require.ErrorContains(t, err, "one token and nothing else")
		require.NotContains(t, err.Error(), "hush")
	}
	require.NoError(t, os.Remove(path))
	_, err := c.GetRequestMetadata(t.Context(), "https://bedside.example/bedside.v1.ModelService")
	require.Error(t, err)
	md, err := c.GetRequestMetadata(t.Context(), "https://bedside.example/grpc.health.v1.Health")
	require.NoError(t, err)
	require.Empty(t, md)
}

// A token leaves this machine encrypted, unless that was asked for otherwise.
func TestTokensNeedTLSElsewhere(t *testing.T) {
	for target, opts := range map[string][]Option{
		"127.0.0.1:8001":       nil,
		"bedside.example:8001": nil, // TLS is the default there
		"10.0.0.1:8001":        {WithInsecure()},
	} {
		client, err := Dial(target, append(opts, WithToken("t"))...)
		require.NoError(t, err, target)
		require.NoError(t, client.Close())
	}
	require.False(t, (&callCredentials{purpose: "TREAT"}).RequireTransportSecurity(), "a purpose is no secret")
}
