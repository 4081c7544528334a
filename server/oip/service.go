// Package oip serves models through the Open Inference Protocol, version 2, with the extensions that Triton Inference
// Server adds to it: tensor models, and language models as models of text tensors.
package oip

import (
	"context"
	"strconv"
	"time"

	"google.golang.org/grpc/status"

	inference "github.com/bedside-lm/bedside/proto/inference/v2"
	"github.com/bedside-lm/bedside/runtime/repository"
	"github.com/bedside-lm/bedside/server/infer"
	"github.com/bedside-lm/bedside/server/tenant"
)

// Model is one loaded version of a model: *infer.Model, *TextModel.
type Model interface {
	// Config is the configuration in force. It is not changed by anyone.
	Config() *inference.ModelConfig
	Signature() *infer.Signature
	// Infer gives the one answer to a request.
	Infer(ctx context.Context, r *infer.Request) (infer.Response, error)
	// Statistics gives the counts since the model was loaded, in a message of the caller's own.
	Statistics() *inference.ModelStatistics
}

// Streamer is a model that may give any number of answers to a request: a decoupled model.
type Streamer interface {
	Model
	// Stream gives the answers in order: the last one is returned, those before it are yielded. An error of yield ends
	// the request and is returned.
	Stream(ctx context.Context, r *infer.Request, yield func(infer.Response) error) (last infer.Response, err error)
}

// Lease is a model held for as long as a call needs it.
type Lease struct {
	Model   Model
	Version int64
	Release func()
}

// Repository is where the models are.
type Repository interface {
	// Acquire holds a version of a model; version "" is the highest that is ready. A model that is not known or not
	// ready comes as *apierror.NotFoundError or *repository.ModelError.
	Acquire(ctx context.Context, name, version string) (Lease, error)
	// Index lists every version of every model, by name and version.
	Index() []repository.Status
	Load(ctx context.Context, name string) error
	Unload(ctx context.Context, name string) error
}

// Errors is what the interceptors do for a call's errors, and what a stream needs for each of its requests.
type Errors interface {
	// Status turns an error into what a caller may see.
	Status(ctx context.Context, err error) *status.Status
	// Recovered turns what recover gave into an error, without its text.
	Recovered(ctx context.Context, v any) error
}

// Options say how a service answers. Errors is required.
type Options struct {
	// Name and Version are what ServerMetadata tells.
	Name, Version string
	// Ready says whether the server takes requests; nil: always.
	Ready func() bool
	// Draining is closed when the server is about to stop: streams then end once what they run is done. Nil: never.
	Draining <-chan struct{}
	Errors   Errors
	// StreamRequests is how many requests of one stream may run at once (default 256). The stream is not read while
	// so many do, or while they have more than 128 MiB together.
	StreamRequests int
	// RequestTimeout bounds each request of a stream, and how long a client may leave its answers unread (default 10
	// minutes). A stream itself may go on for ever.
	RequestTimeout time.Duration
}

// Service is the protocol's service. It is safe for concurrent use.
type Service struct {
	inference.UnimplementedGRPCInferenceServiceServer
	models Repository
	opt    Options
}

// NewService makes the service.
func NewService(models Repository, opt Options) *Service {
	if opt.Ready == nil {
		opt.Ready = func() bool { return true }
	}
	if opt.StreamRequests <= 0 {
		opt.StreamRequests = 256
	}
	if opt.RequestTimeout <= 0 {
		opt.RequestTimeout = 10 * time.Minute
	}
	return &Service{models: models, opt: opt}
}

// acquire finds the model that a call means.
func (s *Service) acquire(ctx context.Context, nameField, name, versionField, version string) (Lease, error) {
	if name == "" {
		return Lease{}, invalid(nameField, "is needed")
	}
	if version == "-1" { // some of Triton's clients write "the latest" so
		version = ""
	}
	if version != "" {
		if n, err := strconv.ParseInt(version, 10, 64); err != nil || n < 1 {
			return Lease{}, invalid(versionField, "is no version: a whole number from 1, or empty for the latest")
		}
	}
	return s.models.Acquire(ctx, name, version)
}

// prepare reads a request's parameters and tensors.
func prepare(req *inference.ModelInferRequest, account string) (r infer.Request, err error) {
	r.Tenant = account
	if err = applyParameters(req.GetParameters(), &r); err != nil {
		return r, err
	}
	// A tensor that is said to lie elsewhere has no elements here, so this comes before these are counted.
	for i, in := range req.GetInputs() {
		if err := checkTensorParameters("inputs", i, in.GetParameters()); err != nil {
			return r, err
		}
	}
	for i, out := range req.GetOutputs() {
		if err := checkTensorParameters("outputs", i, out.GetParameters()); err != nil {
			return r, err
		}
		r.Outputs = append(r.Outputs, out.GetName())
	}
	r.Inputs, err = decodeInputs(req)
	return r, err
}

// ModelInfer runs one request.
func (s *Service) ModelInfer(ctx context.Context, req *inference.ModelInferRequest) (*inference.ModelInferResponse, error) {
	lease, err := s.acquire(ctx, "model_name", req.GetModelName(), "model_version", req.GetModelVersion())
	if err != nil {
		return nil, err
	}
	defer lease.Release()
	account, err := tenant.Of(ctx)
	if err != nil {
		return nil, err
	}
	r, err := prepare(req, account)
	if err != nil {
		return nil, err
	}
	out, err := lease.Model.Infer(ctx, &r)
	if err != nil {
		return nil, err
	}
	return encode(answered{req.GetModelName(), lease.Version, req.GetId()}, out)
}
