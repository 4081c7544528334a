package bedside

import (
	"crypto/tls"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"
)

// DefaultTimeout is the deadline of a call whose context has none.
const DefaultTimeout = 5 * time.Minute

// Option changes how Dial connects.
type Option func(*options)

type options struct {
	timeout   time.Duration
	tls       *tls.Config
	insecure  bool
	failFast  bool
	keepalive keepalive.ClientParameters
	userAgent string
	token     func() (string, error)
	purpose   string
	dial      []grpc.DialOption
}

func defaultOptions() options {
	return options{
		timeout: DefaultTimeout,
		// Pings find a peer that died while a request waited, which TCP alone does not.
		keepalive: keepalive.ClientParameters{Time: time.Minute, Timeout: 20 * time.Second},
	}
}

func (o *options) check() error {
	if o.insecure && o.tls != nil {
		return fmt.Errorf("bedside: WithTLS and WithInsecure exclude each other")
	}
	if o.timeout < 0 {
		return fmt.Errorf("bedside: timeout %v is negative", o.timeout)
	}
	return nil
}

// WithTimeout sets the deadline of calls whose context has none; 0 means no deadline.
// Unset: DefaultTimeout. A deadline in a call's own context always wins.
func WithTimeout(d time.Duration) Option {
	return func(o *options) { o.timeout = d }
}

// WithTLS encrypts with config; nil means the system's certificate authorities. It is
// the default for every target that is not on this machine.
func WithTLS(config *tls.Config) Option {
	return func(o *options) {
		if config == nil {
			config = &tls.Config{MinVersion: tls.VersionTLS12}
		}
		o.tls = config
	}
}

// WithToken sends a bearer token or an API key with every call. Beyond this machine that needs TLS, unless WithInsecure
// says otherwise.
func WithToken(token string) Option {
	return func(o *options) { o.token = func() (string, error) { return token, nil } }
}

// WithTokenFile is WithToken with what stands in a file, which is read for every call: a token may be renewed there at
// any time.
func WithTokenFile(path string) Option {
	return func(o *options) { o.token = func() (string, error) { return readToken(path) } }
}

// WithPurposeOfUse tells the server's audit what calls are for: a code of HL7 v3's PurposeOfUse, such as "TREAT".
func WithPurposeOfUse(code string) Option {
	return func(o *options) { o.purpose = code }
}

// WithInsecure sends in plain text. It is the default for loopback addresses and Unix
// sockets, and has to be asked for elsewhere, since records are patient data.
func WithInsecure() Option {
	return func(o *options) { o.insecure = true }
}

// WithFailFast lets calls fail with UNAVAILABLE as soon as no server can be reached.
// Without it they wait, within their deadline, until one can.
func WithFailFast() Option {
	return func(o *options) { o.failFast = true }
}

// WithKeepalive sets how a silent connection is checked. A server closes connections
// that ping more often than it allows: gRPC's default is one in 5 minutes, Bedside's one
// in 10 seconds. Unset: a ping after a silent minute of a running call.
func WithKeepalive(p keepalive.ClientParameters) Option {
	return func(o *options) { o.keepalive = p }
}

// WithUserAgent puts the calling program's name before the client's own.
func WithUserAgent(name string) Option {
	return func(o *options) { o.userAgent = name }
}

// WithDialOptions adds gRPC dial options, such as a dialer for an in-memory listener.
// They come last and so win over what Dial would set.
func WithDialOptions(opts ...grpc.DialOption) Option {
	return func(o *options) { o.dial = append(o.dial, opts...) }
}
