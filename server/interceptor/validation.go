package interceptor

import (
	"context"
	"fmt"

	"buf.build/go/protovalidate"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
)

// newValidator compiles the rules of every request in bedside.v1, so that a wrong rule
// shows when the server starts. Other packages' messages are compiled when they first come.
func newValidator() (protovalidate.Validator, error) {
	var requests []protoreflect.MessageDescriptor
	pkg := bedsidev1.File_bedside_v1_generation_proto.Package()
	protoregistry.GlobalFiles.RangeFilesByPackage(pkg, func(file protoreflect.FileDescriptor) bool {
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

// validate holds a request against its rules. go-grpc-middleware's interceptor would answer
// with every violation there is, which for a record can be 100,000, in a type that few
// clients know; here the error goes on to be mapped like all others.
func (c *Chain) validate(req any) error {
	m, ok := req.(proto.Message)
	if !ok {
		return fmt.Errorf("request is a %T, not a protocol buffer", req)
	}
	return c.validator.Validate(m)
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
