// Package interceptor is what every call passes through on its way to a service, unary and
// streaming alike. From the outside in:
//
//  1. metrics: outermost, so that every call is counted with the code that the caller gets
//     and the time that it takes in all;
//  2. logging: one line a call, with the final code too; it gives the call its request id,
//     which everything within can log;
//  3. reading: ends a call whose client does not read its answers;
//  4. audit: writes down who did what and what came of it, before anything is answered;
//  5. errors: turns whatever comes from within into a status, the one place that does;
//  6. deadline: no call runs for ever, even if its caller set no deadline;
//  7. recovery: turns a panic of all that is within into an error, for errors to map;
//  8. admission: who is calling, and whether they may;
//  9. limits: what their tenant may ask for;
//  10. validation: innermost, so that what it refuses is mapped, logged and counted as any
//     other error, and so that no service ever sees a message that breaks the rules.
//
// A message that cannot be decoded or is too large never gets here: gRPC refuses a unary
// one by itself, before the chain, with its own status.
package interceptor

import (
	"errors"
	"log/slog"
	"time"

	"buf.build/go/protovalidate"
	grpcprom "github.com/grpc-ecosystem/go-grpc-middleware/providers/prometheus"
	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors"
	grpcauth "github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/auth"
	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/recovery"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/reflection"

	"github.com/bedside-lm/bedside/server/audit"
	"github.com/bedside-lm/bedside/server/auth"
	"github.com/bedside-lm/bedside/server/memory"
	"github.com/bedside-lm/bedside/server/quota"
)

// Options say how a Chain works.
type Options struct {
	Logger     *slog.Logger          // required
	Registerer prometheus.Registerer // required
	Limits     Limits
	Gate       *auth.Gate       // nil: whoever calls is let in
	Audit      *audit.Log       // nil: nothing is written down
	Quota      *quota.Ledger    // nil: tenants have no limits
	Pressure   *memory.Pressure // nil: memory is not looked at

	// LogErrorText logs the text of errors that no rule maps, at debug level. Such a text may
	// quote a request: it is for developing, with invented patients only.
	LogErrorText bool
}

// Limits bound what a connection may ask for. A field that is zero takes its default.
type Limits struct {
	MessageBytes         int           // largest request and largest answer; default 72 MiB
	MaxConcurrentStreams uint32        // calls at once on one connection; default 1,024
	HeaderBytes          uint32        // a call's metadata; default 16 KiB
	RequestTimeout       time.Duration // after which a call ends; default 10 minutes
	KeepaliveMinTime     time.Duration // shortest interval between a client's pings; default 10 s
	KeepaliveTime        time.Duration // silence after which the server pings a client; default 30 s
	SendTimeout          time.Duration // for which an answer may stay unread; default 1 minute

	// When a connection is asked to end, how long its calls have then, and how long one may be without calls; 0: not at all.
	ConnectionAge, ConnectionGrace, ConnectionIdle time.Duration
}

func (l Limits) withDefaults() Limits {
	orElse(&l.MessageBytes, 72<<20)
	orElse(&l.MaxConcurrentStreams, 1024)
	orElse(&l.HeaderBytes, 16<<10)
	orElse(&l.RequestTimeout, 10*time.Minute)
	orElse(&l.KeepaliveMinTime, 10*time.Second)
	orElse(&l.KeepaliveTime, 30*time.Second)
	orElse(&l.SendTimeout, time.Minute)
	return l
}

func orElse[T int | uint32 | time.Duration](field *T, value T) {
	if *field <= 0 {
		*field = value
	}
}

// Chain is the interceptors, ready for one server. It is safe for concurrent use.
type Chain struct {
	limits    Limits
	logger    *slog.Logger
	logText   bool
	validator protovalidate.Validator
	visits    int // that the validation of one message may take
	metrics   *grpcprom.ServerMetrics
	panics    prometheus.Counter
	slow      prometheus.Counter
	quota     *quota.Ledger
	pressure  *memory.Pressure
	gate      *auth.Gate
	audit     *audit.Log
}

// New compiles the validation rules of the services in bedside.v1 and registers the
// metrics: go-grpc-middleware's grpc_server_* and bedside_panics_total.
func New(opt Options) (*Chain, error) {
	if opt.Logger == nil || opt.Registerer == nil {
		return nil, errors.New("interceptor: Logger and Registerer are required")
	}
	validator, err := newValidator()
	if err != nil {
		return nil, err
	}
	c := &Chain{
		limits: opt.Limits.withDefaults(), logger: opt.Logger, logText: opt.LogErrorText, validator: validator, visits: maxVisits,
		gate: opt.Gate, audit: opt.Audit, quota: opt.Quota, pressure: opt.Pressure,
		metrics: grpcprom.NewServerMetrics(grpcprom.WithServerHandlingTimeHistogram(
			grpcprom.WithHistogramBuckets(latencyBuckets),
		)),
		panics: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "bedside_panics_total", Help: "Calls that ended in a panic of the server.",
		}),
		slow: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "bedside_slow_readers_total", Help: "Calls that were ended because their clients did not read the answers.",
		}),
	}
	for _, m := range []prometheus.Collector{c.metrics, c.panics, c.slow} {
		if err := opt.Registerer.Register(m); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// latencyBuckets are in seconds: from listing models to a long text on a busy server.
var latencyBuckets = []float64{
	0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600,
}

// ServerOptions are for grpc.NewServer: the interceptors, the limits, and TLS where there is a certificate.
func (c *Chain) ServerOptions() []grpc.ServerOption {
	recovering := recovery.WithRecoveryHandlerContext(c.recovered)
	logging := interceptors.CommonReportableFunc(c.reporter)
	options := []grpc.ServerOption{
		grpc.ChainUnaryInterceptor(
			c.metrics.UnaryServerInterceptor(),
			interceptors.UnaryServerInterceptor(logging),
			c.readUnary,
			c.auditUnary,
			c.mapUnary,
			c.boundUnary,
			recovery.UnaryServerInterceptor(recovering),
			grpcauth.UnaryServerInterceptor(c.admit),
			c.limitUnary,
			c.validateUnary,
			c.noteUnary,
		),
		grpc.ChainStreamInterceptor(
			c.metrics.StreamServerInterceptor(),
			interceptors.StreamServerInterceptor(logging),
			c.readStream,
			c.auditStream,
			c.mapStream,
			c.boundStream,
			recovery.StreamServerInterceptor(recovering),
			grpcauth.StreamServerInterceptor(c.admit),
			c.limitStream,
			c.validateStream,
			c.noteStream,
		),
		grpc.MaxRecvMsgSize(c.limits.MessageBytes),
		grpc.MaxSendMsgSize(c.limits.MessageBytes),
		grpc.MaxConcurrentStreams(c.limits.MaxConcurrentStreams),
		grpc.MaxHeaderListSize(c.limits.HeaderBytes),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{
			MinTime: c.limits.KeepaliveMinTime, PermitWithoutStream: true,
		}),
		// A client that vanished is noticed, and what its calls hold is freed.
		grpc.KeepaliveParams(keepalive.ServerParameters{
			Time: c.limits.KeepaliveTime, Timeout: 20 * time.Second,
			MaxConnectionAge: c.limits.ConnectionAge, MaxConnectionAgeGrace: c.limits.ConnectionGrace, MaxConnectionIdle: c.limits.ConnectionIdle,
		}),
		grpc.InTapHandle(c.tap),
	}
	if c.gate != nil && c.gate.Credentials() != nil {
		options = append(options, grpc.Creds(c.gate.Credentials()))
	}
	return options
}

// InitializeMetrics shows every method of a server at zero. Call it when all services are
// registered.
func (c *Chain) InitializeMetrics(server reflection.ServiceInfoProvider) {
	c.metrics.InitializeMetrics(server)
}
