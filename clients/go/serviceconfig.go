package bedside

import (
	"encoding/json"
	"time"
)

// Retries of UNAVAILABLE, by gRPC itself (gRFC A6). Only what reads and changes nothing is
// listed, or changes the same again: a call that failed halfway can be made again.
const (
	maxAttempts    = 4
	initialBackoff = 200 * time.Millisecond
	maxBackoff     = 5 * time.Second
)

// methodName is a method, or all methods of a service.
type methodName struct {
	Service string `json:"service"`
	Method  string `json:"method,omitempty"`
}

var (
	retried = []methodName{
		{Service: "bedside.v1.GenerationService"},
		{Service: "bedside.v1.ClinicalService"},
		{Service: "bedside.v1.EmbeddingService"},
		{Service: "bedside.v1.KnowledgeGraphService"}, // what it stores twice is there once
		{Service: "bedside.v1.PreparationService", Method: "DescribeSignal"},
		{Service: "bedside.v1.PreparationService", Method: "Deidentify"},
		{Service: "bedside.v1.ModelService", Method: "ListModels"},
		{Service: "bedside.v1.ModelService", Method: "WatchModels"},
	}
	notRetried = []methodName{{Service: "bedside.v1.ModelService"}, {Service: "bedside.v1.PreparationService"}}
)

// serviceConfig is the service config in JSON (gRFC A2), as
// https://github.com/grpc/grpc-proto/blob/master/grpc/service_config/service_config.proto
// names its fields.
func serviceConfig(waitForReady bool) string {
	config := map[string]any{
		"loadBalancingConfig": []any{map[string]any{"round_robin": struct{}{}}},
		"healthCheckConfig":   map[string]any{"serviceName": ""},
		"methodConfig": []any{map[string]any{
			"name":         retried,
			"waitForReady": waitForReady,
			"retryPolicy": map[string]any{
				"maxAttempts":          maxAttempts,
				"initialBackoff":       seconds(initialBackoff),
				"maxBackoff":           seconds(maxBackoff),
				"backoffMultiplier":    2,
				"retryableStatusCodes": []string{"UNAVAILABLE"},
			},
		}, map[string]any{
			"name":         notRetried,
			"waitForReady": waitForReady,
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
