package interceptor

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"regexp"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"

	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
)

// RequestIDKey is the metadata key of a call's request id, in the request and in the
// answer's trailer.
const RequestIDKey = "x-request-id"

// Anything else could carry text into the log.
var requestIDPattern = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// call is what is known about a call beyond its error, for the line that is logged at its end.
type call struct {
	requestID string

	mu       sync.Mutex
	model    string
	digest   string // of the model
	internal *internalError
	facts    facts // for the audit
}

type callKey struct{}

func callOf(ctx context.Context) *call {
	c, _ := ctx.Value(callKey{}).(*call)
	return c
}

// RequestID returns the id of the call that ctx belongs to, or "".
func RequestID(ctx context.Context) string {
	if c := callOf(ctx); c != nil {
		return c.requestID
	}
	return ""
}

// SetModel notes which model works on the call, for the log and the audit, and its digest where it has one. Give the
// server's own name of it, never the request's text. Answers that carry a ModelReference need no call of it.
func SetModel(ctx context.Context, name, digest string) {
	if c := callOf(ctx); c != nil {
		c.setModel(name, digest)
	}
}

func (c *call) setModel(name, digest string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.model, c.digest = name, digest
}

// setModelOf takes the model's name from an answer: there it is the server's own, while the request's could be any text.
func (c *call) setModelOf(answer any) {
	m, ok := answer.(interface {
		GetModel() *bedsidev1.ModelReference
	})
	if !ok {
		return
	}
	if name := m.GetModel().GetName(); name != "" {
		c.setModel(name, m.GetModel().GetDigest())
	}
}

func (c *call) setInternal(e *internalError) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.internal = e
}

func (c *call) result() (model string, internal *internalError) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.model, c.internal
}

// newCall takes the caller's request id if it is well formed, else a random one, and sends
// it back in the trailer. A header would stand in the way of every client's retries: gRPC
// retries only what is answered with trailers alone.
func newCall(ctx context.Context) (*call, context.Context) {
	c := &call{}
	if ids := metadata.ValueFromIncomingContext(ctx, RequestIDKey); len(ids) == 1 && requestIDPattern.MatchString(ids[0]) {
		c.requestID = ids[0]
	} else {
		c.requestID = randomID()
	}
	// It fails only outside a call.
	_ = grpc.SetTrailer(ctx, metadata.Pairs(RequestIDKey, c.requestID))
	return c, context.WithValue(ctx, callKey{}, c)
}

// randomID is 64 random bits in hexadecimal.
func randomID() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the program instead
	return hex.EncodeToString(b[:])
}

// peerKind says how a call came: "tcp", "unix", "bufconn". Addresses stay out of the log.
func peerKind(ctx context.Context) string {
	if p, ok := peer.FromContext(ctx); ok && p.Addr != nil {
		return p.Addr.Network()
	}
	return "unknown"
}
