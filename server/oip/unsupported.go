package oip

import (
	"context"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	inference "github.com/bedside-lm/bedside/proto/inference/v2"
)

var (
	errSharedMemory = status.Error(codes.Unimplemented, "shared memory is not supported: tensors travel in the messages")
	errTrace        = status.Error(codes.Unimplemented, "trace settings are not supported: the server's metrics tell the times of each step")
	errLog          = status.Error(codes.Unimplemented, "log settings cannot be changed by a call: the server's own configuration sets them")
)

// SystemSharedMemoryStatus is not supported.
func (s *Service) SystemSharedMemoryStatus(context.Context, *inference.SystemSharedMemoryStatusRequest) (*inference.SystemSharedMemoryStatusResponse, error) {
	return nil, errSharedMemory
}

// SystemSharedMemoryRegister is not supported.
func (s *Service) SystemSharedMemoryRegister(context.Context, *inference.SystemSharedMemoryRegisterRequest) (*inference.SystemSharedMemoryRegisterResponse, error) {
	return nil, errSharedMemory
}

// SystemSharedMemoryUnregister is not supported.
func (s *Service) SystemSharedMemoryUnregister(context.Context, *inference.SystemSharedMemoryUnregisterRequest) (*inference.SystemSharedMemoryUnregisterResponse, error) {
	return nil, errSharedMemory
}

// CudaSharedMemoryStatus is not supported.
func (s *Service) CudaSharedMemoryStatus(context.Context, *inference.CudaSharedMemoryStatusRequest) (*inference.CudaSharedMemoryStatusResponse, error) {
	return nil, errSharedMemory
}

// CudaSharedMemoryRegister is not supported.
func (s *Service) CudaSharedMemoryRegister(context.Context, *inference.CudaSharedMemoryRegisterRequest) (*inference.CudaSharedMemoryRegisterResponse, error) {
	return nil, errSharedMemory
}

// CudaSharedMemoryUnregister is not supported.
func (s *Service) CudaSharedMemoryUnregister(context.Context, *inference.CudaSharedMemoryUnregisterRequest) (*inference.CudaSharedMemoryUnregisterResponse, error) {
	return nil, errSharedMemory
}

// TraceSetting is not supported.
func (s *Service) TraceSetting(context.Context, *inference.TraceSettingRequest) (*inference.TraceSettingResponse, error) {
	return nil, errTrace
}

// LogSettings is not supported.
func (s *Service) LogSettings(context.Context, *inference.LogSettingsRequest) (*inference.LogSettingsResponse, error) {
	return nil, errLog
}
