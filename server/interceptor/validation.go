package interceptor

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"

	"buf.build/go/protovalidate"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
	"github.com/bedside-lm/bedside/server/apierror"
)

// Two bytes of a request can hold a message that breaks a rule, so work is bounded by what
// is looked at, not by the request's size. A record of 100,000 readings takes some 3 million
// looks; the second pass, which collects violations, can stop early.
const (
	maxVisits     = 20_000_000
	collectVisits = 200_000
)

// rulesPackage is the package whose messages carry rules.
var rulesPackage = bedsidev1.File_bedside_v1_generation_proto.Package()

// newValidator compiles the rules of every request in bedside.v1, so that a wrong rule
// shows when the server starts.
func newValidator() (protovalidate.Validator, error) {
	var requests []protoreflect.MessageDescriptor
	protoregistry.GlobalFiles.RangeFilesByPackage(rulesPackage, func(file protoreflect.FileDescriptor) bool {
		for i := range file.Services().Len() {
			methods := file.Services().Get(i).Methods()
			for j := range methods.Len() {
				requests = append(requests, methods.Get(j).Input())
			}
		}
		return true
	})
	return protovalidate.New(protovalidate.WithMessageDescriptors(requests...))
}

// validate holds a request against its rules. go-grpc-middleware's interceptor would collect
// and answer with every violation there is, without bounds; here a first pass stops at the
// first one, and only then does a second collect some more for the caller's convenience.
func (c *Chain) validate(req any) error {
	m, ok := req.(proto.Message)
	if !ok {
		return fmt.Errorf("request is a %T, not a protocol buffer", req)
	}
	// Other people's protocols (health, reflection, inference) have no rules to hold, and
	// tensors are too large to look through for none.
	if m.ProtoReflect().Descriptor().ParentFile().Package() != rulesPackage {
		return nil
	}
	first := &visitor{left: c.visits}
	err := c.validator.Validate(m, protovalidate.WithFailFast(), protovalidate.WithFilter(first))
	switch {
	case first.tooLong != nil:
		return tooManyItems(m.ProtoReflect(), first.tooLong)
	case err == nil && first.left < 0:
		return &apierror.FieldError{Field: string(m.ProtoReflect().Descriptor().Name()), Message: "holds too many values"}
	case err == nil:
		return nil
	}
	more := c.validator.Validate(m, protovalidate.WithFilter(&visitor{left: collectVisits}))
	if _, ok := errors.AsType[*protovalidate.ValidationError](more); ok {
		return more
	}
	return err
}

// visitor is asked before each field. It counts, and it turns back at a list that is longer
// than its rule allows: the rules' own order is to look at all its items first.
type visitor struct {
	left    int
	tooLong protoreflect.FieldDescriptor // the first such list
}

func (v *visitor) ShouldValidate(m protoreflect.Message, d protoreflect.Descriptor) bool {
	v.left--
	if v.left < 0 || v.tooLong != nil {
		return false
	}
	f, ok := d.(protoreflect.FieldDescriptor)
	if !ok || !f.IsList() {
		return true
	}
	if n := m.Get(f).List().Len(); n > 0 && n > maxItems(f) {
		v.tooLong = f
		return false
	}
	return true
}

// itemLimits remembers maxItems, which takes a while to find out and is asked millions of times.
var itemLimits sync.Map // protoreflect.FieldDescriptor to int

// maxItems is the most items that a list's rule allows.
func maxItems(f protoreflect.FieldDescriptor) int {
	known, _ := itemLimits.Load(f)
	if limit, ok := known.(int); ok {
		return limit
	}
	limit := math.MaxInt
	// It cannot fail: the rules were compiled before.
	if rules, err := protovalidate.ResolveFieldRules(f); err == nil && rules.GetRepeated().HasMaxItems() {
		limit = int(min(rules.GetRepeated().GetMaxItems(), math.MaxInt32))
	}
	itemLimits.Store(f, limit)
	return limit
}

func tooManyItems(m protoreflect.Message, f protoreflect.FieldDescriptor) error {
	path, ok := singular(m, f)
	if !ok { // in an element of a list: the type says where
		path = string(f.Parent().Name()) + "." + string(f.Name())
	}
	return &apierror.FieldError{Field: path, Message: fmt.Sprintf("must contain no more than %d item(s)", maxItems(f))}
}

// singular finds the path of a field that is reached without going through a list.
func singular(m protoreflect.Message, f protoreflect.FieldDescriptor) (path string, ok bool) {
	if f.Parent() == m.Descriptor() {
		return string(f.Name()), m.Get(f).List().Len() > maxItems(f)
	}
	m.Range(func(inner protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		if inner.Message() != nil && !inner.IsList() && !inner.IsMap() {
			if path, ok = singular(v.Message(), f); ok {
				path = string(inner.Name()) + "." + path
			}
		}
		return !ok
	})
	return path, ok
}

func (c *Chain) validateUnary(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	if err := c.validate(req); err != nil {
		return nil, err
	}
	return handler(ctx, req)
}

func (c *Chain) validateStream(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	return handler(srv, &validatedStream{ServerStream: stream, chain: c})
}

// validatedStream gives a service only messages that keep the rules.
type validatedStream struct {
	grpc.ServerStream
	chain *Chain
}

func (s *validatedStream) RecvMsg(m any) error {
	if err := s.ServerStream.RecvMsg(m); err != nil {
		return err
	}
	return s.chain.validate(m)
}
