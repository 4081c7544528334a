//go:build faults

package main

import (
	"context"
	"log/slog"

	"google.golang.org/grpc"
	"google.golang.org/grpc/channelz/grpc_channelz_v1"

	"github.com/bedside-lm/bedside/server"
	"github.com/bedside-lm/bedside/server/config"
)

// startServer starts a server with a defect, for server/soak: one call of channelz panics.
func startServer(ctx context.Context, cfg config.Config, log *slog.Logger) (*server.Server, error) {
	cfg.Register = func(r grpc.ServiceRegistrar) { grpc_channelz_v1.RegisterChannelzServer(r, broken{}) }
	return server.Start(ctx, cfg, log)
}

type broken struct {
	grpc_channelz_v1.UnimplementedChannelzServer
}

func (broken) GetServers(context.Context, *grpc_channelz_v1.GetServersRequest) (*grpc_channelz_v1.GetServersResponse, error) {
	var nothing map[string]int
	nothing["a defect"]++
	return nil, nil
}
