package bedside

import (
	"encoding/json"
	"time"
)

// Retries of UNAVAILABLE, by gRPC itself (gRFC A6). Only services whose every method
// reads and changes nothing are listed: a call that failed halfway can be made again.
const (
	maxAttempts    = 4
	initialBackoff = 200 * time.Millisecond
	maxBackoff     = 5 * time.Second
)

var retriedServices = []string{
	"bedside.v1.GenerationService",
	"bedside.v1.ClinicalService",
	"bedside.v1.EmbeddingService",
	"bedside.v1.ModelService",
}

// serviceConfig is the service config in JSON (gRFC A2), as
// https://github.com/grpc/grpc-proto/blob/master/grpc/service_config/service_config.proto
// names its fields.
func serviceConfig(waitForReady bool) string {
	type name struct {
		Service string `json:"service"`
	}
	names := make([]name, 0, len(retriedServices))
	for _, s := range retriedServices {
		names = append(names, name{Service: s})
	}
	config := map[string]any{
		"loadBalancingConfig": []any{map[string]any{"round_robin": struct{}{}}},
		"healthCheckConfig":   map[string]any{"serviceName": ""},
		"methodConfig": []any{map[string]any{
			"name":         names,
			"waitForReady": waitForReady,
			"retryPolicy": map[string]any{
				"maxAttempts":          maxAttempts,
				"initialBackoff":       seconds(initialBackoff),
				"maxBackoff":           seconds(maxBackoff),
				"backoffMultiplier":    2,
				"retryableStatusCodes": []string{"UNAVAILABLE"},
			},
		}},
		// A server that keeps failing is not asked four times as often for it.
		"retryThrottling": map[string]any{"maxTokens": 100, "tokenRatio": 0.1},
	}
	text, err := json.Marshal(config)
	if err != nil {
		panic(err) // maps of strings and numbers always marshal
	}
	return string(text)
}

// seconds writes d as protobuf's JSON does.
func seconds(d time.Duration) string {
	text, _ := json.Marshal(d.Seconds())
	return string(text) + "s"
}
