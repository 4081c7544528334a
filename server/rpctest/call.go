package rpctest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// Methods are the descriptors of every call that a server answers, in the order of their names.
func Methods(server interface {
	GetServiceInfo() map[string]grpc.ServiceInfo
},
) ([]protoreflect.MethodDescriptor, error) {
	var out []protoreflect.MethodDescriptor
	for name := range server.GetServiceInfo() {
		d, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(name))
		if err != nil {
			return nil, fmt.Errorf("service %s: %w", name, err)
		}
		service, ok := d.(protoreflect.ServiceDescriptor)
		if !ok {
			return nil, fmt.Errorf("%s is no service", name)
		}
		for i := range service.Methods().Len() {
			out = append(out, service.Methods().Get(i))
		}
	}
	slices.SortFunc(out, func(a, b protoreflect.MethodDescriptor) int {
		return strings.Compare(string(a.FullName()), string(b.FullName()))
	})
	return out, nil
}

// Path is a method's name on the wire.
func Path(m protoreflect.MethodDescriptor) string {
	return "/" + string(m.Parent().FullName()) + "/" + string(m.Name())
}

// Request is an empty request of a method.
func Request(m protoreflect.MethodDescriptor) (proto.Message, error) {
	t, err := protoregistry.GlobalTypes.FindMessageByName(m.Input().FullName())
	if err != nil {
		return nil, err
	}
	return t.New().Interface(), nil
}

// Call sends requests, which need be no messages, and reads at most so many answers. It gives the answers' bytes and how
// the call ended; nil where there were more answers.
func Call(ctx context.Context, conn *grpc.ClientConn, m protoreflect.MethodDescriptor, requests [][]byte, most int) ([][]byte, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, Path(m), grpc.ForceCodec(raw{}))
	if err != nil {
		return nil, err
	}
	for _, r := range requests {
		if stream.SendMsg(&r) != nil {
			break // the answer says why
		}
	}
	if err := stream.CloseSend(); err != nil {
		return nil, err
	}
	var answers [][]byte
	for len(answers) < most {
		var answer []byte
		if err := stream.RecvMsg(&answer); errors.Is(err, io.EOF) {
			return answers, nil
		} else if err != nil {
			return answers, err
		}
		answers = append(answers, answer)
	}
	return answers, nil
}

// raw sends and receives bytes as they are.
type raw struct{}

func (raw) Name() string { return "proto" }

func (raw) Marshal(v any) ([]byte, error) {
	b, ok := v.(*[]byte)
	if !ok {
		return nil, fmt.Errorf("%T is no bytes", v)
	}
	return *b, nil
}

func (raw) Unmarshal(data []byte, v any) error {
	b, ok := v.(*[]byte)
	if !ok {
		return fmt.Errorf("%T is no bytes", v)
	}
	*b = append((*b)[:0], data...)
	return nil
}
