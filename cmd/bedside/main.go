// Command bedside serves language models over medical-device data, and calls such a
// server from a terminal.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/term"
	"google.golang.org/grpc/grpclog"

	"github.com/bedside-lm/bedside/cmd/bedside/internal/shield"
)

// version is set when a release is built.
var version = "dev"

func main() {
	shield.RunIfAsked()
	if os.Getenv("GRPC_GO_LOG_SEVERITY_LEVEL") == "" {
		// gRPC logs to standard error what comes back as an error as well.
		grpclog.SetLoggerV2(grpclog.NewLoggerV2(io.Discard, io.Discard, io.Discard))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The first signal asks for an orderly end; from then on signals have their usual
	// effect, so that a second one ends the process at once.
	context.AfterFunc(ctx, stop)
	outIsTTY := term.IsTerminal(int(os.Stdout.Fd()))
	os.Exit(run(ctx, os.Args[1:], &app{
		in:       os.Stdin,
		out:      onTerminal(os.Stdout, outIsTTY, os.Getenv),
		err:      os.Stderr,
		outIsTTY: outIsTTY,
		errIsTTY: term.IsTerminal(int(os.Stderr.Fd())),
		start:    startServer,
		shield:   shield.Raise,
	}))
}
