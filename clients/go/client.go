package bedside

import (
	"crypto/tls"
	"net"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	_ "google.golang.org/grpc/health" // turns healthCheckConfig of the service config on

	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
)

const (
	// MaxRequestBytes is the largest request that the client sends: a record of 64 MiB
	// with room for what JSON in a string costs.
	MaxRequestBytes = 96 << 20
	// MaxResponseBytes is the largest answer that the client takes.
	MaxResponseBytes = 96 << 20

	userAgent = "bedside-go/1"
)

// Client calls a Bedside server.
type Client struct {
	conn        *grpc.ClientConn
	generation  bedsidev1.GenerationServiceClient
	clinical    bedsidev1.ClinicalServiceClient
	models      bedsidev1.ModelServiceClient
	embedding   bedsidev1.EmbeddingServiceClient
	preparation bedsidev1.PreparationServiceClient
	graph       bedsidev1.KnowledgeGraphServiceClient
}

// Dial makes a client for target: "host:port", or any target that gRPC knows, such as
// "unix:///run/bedside.sock" or "dns:///bedside.example:8001" (all its addresses are
// used in turn). It does not wait for a connection: an unreachable server shows in the
// first call.
//
// Targets on this machine are spoken to in plain text, others through TLS; see
// WithInsecure and WithTLS.
func Dial(target string, opts ...Option) (*Client, error) {
	o := defaultOptions()
	for _, opt := range opts {
		opt(&o)
	}
	if err := o.check(); err != nil {
		return nil, err
	}
	agent := userAgent
	if o.userAgent != "" {
		agent = o.userAgent + " " + agent
	}
	dial := []grpc.DialOption{
		grpc.WithTransportCredentials(transportCredentials(target, &o)),
		grpc.WithDefaultServiceConfig(serviceConfig(!o.failFast)),
		grpc.WithKeepaliveParams(o.keepalive),
		grpc.WithUserAgent(agent),
		grpc.WithDefaultCallOptions(
			grpc.MaxCallSendMsgSize(MaxRequestBytes),
			grpc.MaxCallRecvMsgSize(MaxResponseBytes),
			// gRPC gives up retrying a request that is larger than this, 256 KiB
			// unless told: most records are.
			grpc.MaxRetryRPCBufferSize(MaxRequestBytes),
		),
		grpc.WithChainUnaryInterceptor(deadlineUnary(o.timeout), pushbackUnary),
		grpc.WithChainStreamInterceptor(deadlineStream(o.timeout), pushbackStream),
	}
	if o.token != nil || o.purpose != "" {
		dial = append(dial, grpc.WithPerRPCCredentials(&callCredentials{
			token: o.token, purpose: o.purpose, plain: o.tls == nil && (o.insecure || isLocal(target)),
		}))
	}
	conn, err := grpc.NewClient(target, append(dial, o.dial...)...)
	if err != nil {
		return nil, err
	}
	return &Client{
		conn:        conn,
		generation:  bedsidev1.NewGenerationServiceClient(conn),
		clinical:    bedsidev1.NewClinicalServiceClient(conn),
		models:      bedsidev1.NewModelServiceClient(conn),
		embedding:   bedsidev1.NewEmbeddingServiceClient(conn),
		preparation: bedsidev1.NewPreparationServiceClient(conn),
		graph:       bedsidev1.NewKnowledgeGraphServiceClient(conn),
	}, nil
}

// Close ends all calls and connections.
func (c *Client) Close() error { return c.conn.Close() }

// Conn is the connection beneath, for services that Client has no method for. Its calls
// have the client's deadline and retries too.
func (c *Client) Conn() *grpc.ClientConn { return c.conn }

// Generation is the generated stub of GenerationService.
func (c *Client) Generation() bedsidev1.GenerationServiceClient { return c.generation }

// Clinical is the generated stub of ClinicalService.
func (c *Client) Clinical() bedsidev1.ClinicalServiceClient { return c.clinical }

// Model is the generated stub of ModelService.
func (c *Client) Model() bedsidev1.ModelServiceClient { return c.models }

// Embedding is the generated stub of EmbeddingService.
func (c *Client) Embedding() bedsidev1.EmbeddingServiceClient { return c.embedding }

func transportCredentials(target string, o *options) credentials.TransportCredentials {
	switch {
	case o.tls != nil:
		return credentials.NewTLS(o.tls)
	case o.insecure || isLocal(target):
		return insecure.NewCredentials()
	default:
		return credentials.NewTLS(&tls.Config{MinVersion: tls.VersionTLS12})
	}
}

// isLocal says whether all that target names is on this machine. A name other than
// localhost is not looked up: what it resolves to can change between then and the call.
func isLocal(target string) bool {
	scheme, rest, found := strings.Cut(target, ":")
	if found {
		switch scheme {
		case "unix", "unix-abstract":
			return true
		case "dns", "passthrough", "ipv4", "ipv6":
			target = rest
			if after, ok := strings.CutPrefix(rest, "//"); ok {
				_, target, _ = strings.Cut(after, "/") // what is between is a DNS server
			}
		}
	}
	for address := range strings.SplitSeq(target, ",") {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			host = strings.Trim(address, "[]")
		}
		if host == "localhost" || (host == "" && err == nil) {
			continue // gRPC dials ":8001" on this machine
		}
		if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
			return false
		}
	}
	return true
}
