package interceptor

import (
	"context"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
	"github.com/bedside-lm/bedside/server/audit"
	"github.com/bedside-lm/bedside/server/auth"
	"github.com/bedside-lm/bedside/server/tenant"
)

// maxNamed is how many records, and how many patients, one line of the audit names. Further ones get lines of their own.
const maxNamed = 1000

// facts are what the audit writes of a call, and has not written yet.
type facts struct {
	identity auth.Identity
	purpose  string
	key      []byte // of the hashes; nil where nothing is written down
	records  []string
	patients []string
}

func (c *call) setIdentity(id auth.Identity) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.facts.identity = id
}

// expires is when the credentials of the caller end; zero: never, or nobody was asked.
func (c *call) expires() time.Time {
	if c == nil {
		return time.Time{}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.facts.identity.Expires
}

func (c *call) setPurpose(code string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.facts.purpose = code
}

// SetPatient notes whose record a call works on, for the audit, which keeps a keyed hash of it.
func SetPatient(ctx context.Context, id string) {
	c := callOf(ctx)
	if c == nil || c.facts.key == nil || id == "" {
		return
	}
	account, err := tenant.Of(ctx)
	if err != nil {
		return // the call fails of that
	}
	hash := audit.HashPatient(c.facts.key, account, id)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.facts.patients = append(c.facts.patients, hash)
}

// note takes down which record a request sends or asks for.
func (c *call) note(req any) {
	if c.facts.key == nil {
		return
	}
	var found []string
	for _, data := range named(req) {
		found = append(found, audit.HashRecord(c.facts.key, data))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.facts.records = append(c.facts.records, found...)
}

// named are the documents and the nodes of the graph that a request names.
func named(req any) [][]byte {
	switch r := req.(type) {
	case interface {
		GetSource() *bedsidev1.RecordSource
	}:
		return [][]byte{document(r.GetSource())}
	case *bedsidev1.ShortestPathRequest:
		return [][]byte{[]byte(r.GetFrom()), []byte(r.GetTo())}
	case interface{ GetNode() string }:
		return [][]byte{[]byte(r.GetNode())}
	case *bedsidev1.SimilarPatientsRequest:
		return [][]byte{[]byte(r.GetPatient())}
	case *bedsidev1.ImportTriplesRequest:
		return [][]byte{r.GetNquads()}
	}
	return nil
}

// document is what is hashed of a record: its text as it was sent, or a typed one in its deterministic encoding.
func document(src *bedsidev1.RecordSource) []byte {
	switch s := src.GetSource().(type) {
	case *bedsidev1.RecordSource_FhirJson:
		return []byte(s.FhirJson)
	case *bedsidev1.RecordSource_Hl7V2:
		return []byte(s.Hl7V2)
	case *bedsidev1.RecordSource_Csv:
		return []byte(s.Csv.GetData())
	}
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(src.GetRecord())
	if err != nil {
		return nil // it came off the wire, so it can be written
	}
	return data
}

// fact takes at most a line's worth of what is not written yet.
func (c *call) fact() (f facts, model, digest string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f = c.facts
	r, p := min(len(f.records), maxNamed), min(len(f.patients), maxNamed)
	f.records, c.facts.records = f.records[:r:r], f.records[r:]
	f.patients, c.facts.patients = f.patients[:p:p], f.patients[p:]
	return f, c.model, c.digest
}

func (c *call) unwritten() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.facts.records)+len(c.facts.patients) > 0
}

// write puts a line, or more where a call names many records, into the audit log.
func (c *Chain) write(call *call, method string, event audit.Event, finish func(*audit.Record)) error {
	for {
		f, model, digest := call.fact()
		r := &audit.Record{
			Event: event, RequestID: call.requestID, Method: method, Subject: f.identity.Subject, By: string(f.identity.Method),
			Roles: auth.Names(f.identity.Roles), Tenant: f.identity.Tenant, Purpose: f.purpose, Records: f.records,
			Patients: f.patients, Model: model, Digest: digest,
		}
		if !auth.Harmless(r.Tenant) { // nobody was asked, and any text can be named
			r.Tenant = audit.HashName(f.key, r.Tenant)
		}
		more := call.unwritten()
		if more {
			r.Event = audit.EventOpen
		} else if finish != nil {
			finish(r)
		}
		if err := c.audit.Append(r); err != nil || !more {
			return err
		}
	}
}

// outcome is what the last line of a call says of it.
func outcome(err error, began time.Time) func(*audit.Record) {
	return func(r *audit.Record) {
		r.Code, r.Milliseconds = codeName(status.Code(err)), float64(time.Since(began).Microseconds())/1000
	}
}

// worthALine says whether a call is written down: what touches patients or changes the server, and whatever was refused.
func worthALine(method string, err error) bool {
	code := status.Code(err)
	return auth.Audited(method) || code == codes.Unauthenticated || code == codes.PermissionDenied
}

// begin refuses a call that could not be written down, before it is worked on.
func (c *Chain) begin(ctx context.Context, method string) (*call, error) {
	call := callOf(ctx)
	call.facts.key = c.audit.Key()
	if !auth.Audited(method) {
		return call, nil
	}
	return call, c.audit.Ready()
}

func (c *Chain) auditUnary(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	if c.audit == nil {
		return handler(ctx, req)
	}
	began := time.Now()
	call, err := c.begin(ctx, info.FullMethod)
	if err != nil {
		return nil, c.mapError(ctx, err)
	}
	resp, err := handler(ctx, req)
	if !worthALine(info.FullMethod, err) {
		return resp, err
	}
	if err == nil {
		call.setModelOf(resp)
	}
	if failed := c.write(call, info.FullMethod, audit.EventCall, outcome(err, began)); failed != nil {
		return nil, c.mapError(ctx, failed)
	}
	return resp, err
}

func (c *Chain) auditStream(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	if c.audit == nil {
		return handler(srv, stream)
	}
	began := time.Now()
	call, err := c.begin(stream.Context(), info.FullMethod)
	if err != nil {
		return c.mapError(stream.Context(), err)
	}
	s := &auditedStream{ServerStream: stream, chain: c, call: call, method: info.FullMethod, every: auth.Audited(info.FullMethod)}
	err = handler(srv, s)
	if s.failed != nil {
		return c.mapError(stream.Context(), s.failed)
	}
	if !worthALine(info.FullMethod, err) {
		return err
	}
	event := audit.EventCall
	if s.opened {
		event = audit.EventEnd
	}
	if failed := c.write(call, info.FullMethod, event, outcome(err, began)); failed != nil {
		return c.mapError(stream.Context(), failed)
	}
	return err
}

// auditedStream sends nothing of a record that is not written down yet.
type auditedStream struct {
	grpc.ServerStream
	chain  *Chain
	call   *call
	method string
	every  bool // whether the call is written down even where all is well
	opened bool
	failed error // of the audit: the call ends of it, whatever the service makes of that
}

func (s *auditedStream) SendMsg(m any) error {
	if !s.every {
		return s.ServerStream.SendMsg(m)
	}
	if s.failed != nil {
		return s.failed
	}
	s.call.setModelOf(m)
	if !s.opened || s.call.unwritten() {
		if s.failed = s.chain.write(s.call, s.method, audit.EventOpen, nil); s.failed != nil {
			return s.failed
		}
		s.opened = true
	}
	return s.ServerStream.SendMsg(m)
}

func (c *Chain) noteUnary(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	if c.audit != nil {
		callOf(ctx).note(req)
	}
	return handler(ctx, req)
}

func (c *Chain) noteStream(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	if c.audit == nil {
		return handler(srv, stream)
	}
	return handler(srv, &notedStream{stream, callOf(stream.Context())})
}

// notedStream takes down each request that keeps the rules.
type notedStream struct {
	grpc.ServerStream
	call *call
}

func (s *notedStream) RecvMsg(m any) error {
	if err := s.ServerStream.RecvMsg(m); err != nil {
		return err
	}
	s.call.note(m)
	return nil
}
