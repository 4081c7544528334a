package bedside

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestIsLocal(t *testing.T) {
	for target, want := range map[string]bool{
		"127.0.0.1:8001":                    true,
		"localhost:8001":                    true,
		"localhost":                         true,
		":8001":                             true,
		"[::1]:8001":                        true,
		"dns:///localhost:8001":             true,
		"dns:localhost:8001":                true,
		"dns://10.0.0.53/localhost:8001":    true,
		"unix:///run/bedside.sock":          true,
		"unix-abstract:bedside":             true,
		"ipv4:127.0.0.1:8001,127.0.0.2:80":  true,
		"ipv4:127.0.0.1:8001,10.0.0.1:8001": false,
		"bedside.example:8001":              false,
		"localhost.example:8001":            false,
		"10.0.0.1:8001":                     false,
		"0.0.0.0:8001":                      false,
		"dns:///bedside.example":            false,
		"passthrough:///memory":             false,
		"":                                  false,
	} {
		require.Equal(t, want, isLocal(target), target)
	}
}

func TestServiceConfigIsJSON(t *testing.T) {
	for _, wait := range []bool{true, false} {
		var config struct {
			MethodConfig []struct {
				WaitForReady bool
				RetryPolicy  struct {
					InitialBackoff, MaxBackoff string
				}
			}
		}
		require.NoError(t, json.Unmarshal([]byte(serviceConfig(wait)), &config))
		require.Equal(t, wait, config.MethodConfig[0].WaitForReady)
		require.Equal(t, "0.2s", config.MethodConfig[0].RetryPolicy.InitialBackoff)
		require.Equal(t, "5s", config.MethodConfig[0].RetryPolicy.MaxBackoff)
	}
}
