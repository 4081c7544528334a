package bedside

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	healthpb "google.golang.org/grpc/health/grpc_health_v1"
)

const (
	purposeKey    = "x-purpose-of-use"
	maxTokenBytes = 64 << 10
)

// callCredentials are what every call says of its caller.
type callCredentials struct {
	token   func() (string, error) // nil: none
	purpose string                 // "": none
	plain   bool                   // whether a token may go over a connection without TLS
}

// GetRequestMetadata implements google.golang.org/grpc/credentials.PerRPCCredentials. gRPC's own health checks, which
// decide whether a connection is used at all, need no token, and do not fail for want of one.
func (c *callCredentials) GetRequestMetadata(_ context.Context, service ...string) (map[string]string, error) {
	md := map[string]string{}
	if len(service) > 0 && strings.HasSuffix(service[0], "/"+healthpb.Health_ServiceDesc.ServiceName) {
		return md, nil
	}
	if c.purpose != "" {
		md[purposeKey] = c.purpose
	}
	if c.token == nil {
		return md, nil
	}
	token, err := c.token()
	if err != nil {
		return nil, err
	}
	md["authorization"] = "Bearer " + token
	return md, nil
}

// RequireTransportSecurity implements PerRPCCredentials.
func (c *callCredentials) RequireTransportSecurity() bool { return c.token != nil && !c.plain }

// readToken reads a file that holds a token and nothing else. Errors do not quote it.
func readToken(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("bedside: token: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxTokenBytes+1))
	if err != nil {
		return "", fmt.Errorf("bedside: token: %w", err)
	}
	token := strings.TrimSpace(string(data))
	if token == "" || len(data) > maxTokenBytes || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", fmt.Errorf("bedside: token: %s does not hold one token and nothing else", path)
	}
	return token, nil
}
