package config

import (
	"math"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/stretchr/testify/require"
)

func parse(t *testing.T, args ...string) *Config {
	t.Helper()
	c := &Config{}
	parser, err := kong.New(c)
	require.NoError(t, err)
	_, err = parser.Parse(args) // runs Validate too
	require.NoError(t, err)
	return c
}

func TestDefaultsAreValid(t *testing.T) {
	c := parse(t)
	require.NoError(t, c.Validate())
	require.Equal(t, "127.0.0.1:8001", c.Listen)
	require.Equal(t, 30*time.Second, c.ShutdownGrace)
}

func TestValidateNamesTheSetting(t *testing.T) {
	for name, c := range map[string]struct {
		setting string
		change  func(*Config)
	}{
		"slots":               {"slots", func(c *Config) { c.Slots = 0 }},
		"budget below slots":  {"token-budget", func(c *Config) { c.TokenBudget = c.Slots - 1 }},
		"chunk of one token":  {"max-chunk", func(c *Config) { c.MaxChunk = 1 }},
		"chunk over budget":   {"max-chunk", func(c *Config) { c.MaxChunk = c.TokenBudget + 1 }},
		"queue":               {"max-queue-size", func(c *Config) { c.MaxQueueSize = 0 }},
		"negative threads":    {"threads", func(c *Config) { c.Threads = -1 }},
		"no grace":            {"shutdown-grace", func(c *Config) { c.ShutdownGrace = 0 }},
		"negative timeout":    {"request-timeout", func(c *Config) { c.RequestTimeout = -time.Second }},
		"no port":             {"listen", func(c *Config) { c.Listen = "127.0.0.1" }},
		"every interface":     {"listen", func(c *Config) { c.Listen = ":8001" }},
		"another address":     {"listen", func(c *Config) { c.Listen = "192.0.2.1:8001" }},
		"a name":              {"http-listen", func(c *Config) { c.HTTPListen = "ward.example:8002" }},
		"message bytes":       {"max-message-bytes", func(c *Config) { c.MaxMessageBytes = 1 }},
		"record bytes":        {"max-record-bytes", func(c *Config) { c.MaxRecordBytes = 0 }},
		"streams":             {"max-concurrent-streams", func(c *Config) { c.MaxConcurrentStreams = 0 }},
		"connections":         {"max-connections", func(c *Config) { c.MaxConnections = 0 }},
		"slot of one token":   {"slot-capacity", func(c *Config) { c.SlotCapacity = 1 }},
		"no aging":            {"aging-interval", func(c *Config) { c.AgingInterval = 0 }},
		"no URL for traces":   {"otlp-endpoint", func(c *Config) { c.OTLPEndpoint = "collector:4317" }},
		"traces in the open":  {"otlp-endpoint", func(c *Config) { c.OTLPEndpoint = "http://collector.example:4317" }},
		"more than all calls": {"trace-ratio", func(c *Config) { c.OTLPEndpoint, c.TraceRatio = "http://localhost:4317", 1.5 }},
		"no part of calls":    {"trace-ratio", func(c *Config) { c.OTLPEndpoint, c.TraceRatio = "http://localhost:4317", math.NaN() }},
		"no keepalive at all": {"keepalive-min-time", func(c *Config) { c.KeepaliveMinTime = 0 }},
	} {
		config := parse(t)
		c.change(config)
		var e *Error
		require.ErrorAs(t, config.Validate(), &e, name)
		require.Equal(t, c.setting, e.Setting, name)
	}
}

func TestListeningElsewhereMustBeSpelledOut(t *testing.T) {
	for _, addr := range []string{"localhost:1", "127.0.0.9:1", "[::1]:1", ""} {
		c := parse(t)
		c.Listen = addr
		require.NoError(t, c.Validate(), addr)
	}
	c := parse(t, "--listen", "0.0.0.0:8001", "--expose")
	require.NoError(t, c.Validate())
}
