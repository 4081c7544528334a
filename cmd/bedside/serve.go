package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/alecthomas/kong"

	"github.com/bedside-lm/bedside/server"
	"github.com/bedside-lm/bedside/server/config"
)

type serveCmd struct {
	config.Config

	ConfigFile kong.ConfigFlag `name:"config" help:"Read settings from a YAML file: flags by their names, without dashes in front." placeholder:"FILE"`
	Demo       string          `help:"Once ready, print the analysis of this record (a FHIR R4 Bundle in JSON)." type:"path" placeholder:"FILE"`
	DemoReport string          `help:"Folder for that analysis as pages of HTML." type:"path" placeholder:"DIR"`
}

// Help is what --help adds.
func (*serveCmd) Help() string {
	return `A setting comes from its flag, else from its BEDSIDE_ variable, else from the file that
--config names, else from its default. SIGTERM and SIGINT drain: no new requests, running
ones finish within --shutdown-grace. A second signal ends at once.

Examples:

  bedside serve
  bedside serve --listen 127.0.0.1:9001 --slots 16 --log-format json
  bedside serve --config bedside.yaml       # with lines such as "slots: 16"
  bedside serve --demo patient.fhir.json`
}

// Run serves until a signal comes.
func (s *serveCmd) Run(a *app) error {
	var demo *demonstration
	if s.Demo != "" {
		record, err := a.readText(s.Demo, maxRecordBytes)
		if err != nil {
			return fmt.Errorf("--demo: %w", err)
		}
		demo = &demonstration{name: s.Demo, record: record, folder: s.DemoReport}
	}
	s.Config.Version = version
	s.shield(a)
	srv, err := a.start(a.ctx, s.Config, s.logger(a.err))
	if err != nil {
		return err
	}
	stopped := make(chan error, 1)
	go func() { stopped <- srv.Wait() }()
	err = s.announce(a.out, srv)
	if err == nil && demo != nil {
		err = demo.print(a, srv)
	}
	if err == nil {
		select {
		case <-a.ctx.Done():
		case err = <-stopped: // it failed: nothing else stops it before Shutdown
		}
	}
	if a.ctx.Err() != nil {
		err = nil // a signal is the usual end, not a failure
		fmt.Fprintf(a.out, "\nDraining; running requests have %v to finish.\n", s.ShutdownGrace)
	}
	return errors.Join(err, shutdown(srv, s.ShutdownGrace))
}

// shield keeps what a crash prints from quoting a record. A server that cannot have it says so, and serves.
func (s *serveCmd) shield(a *app) {
	if a.shield == nil {
		return
	}
	log, err := a.shield()
	if err != nil {
		s.logger(a.err).Warn("a crash may print text of a request to standard error", "error", err)
		return
	}
	a.err = log
}

func (s *serveCmd) logger(w io.Writer) *slog.Logger {
	var level slog.Level
	// The flag's enum lets through nothing that does not parse.
	_ = level.UnmarshalText([]byte(s.LogLevel))
	options := &slog.HandlerOptions{Level: level}
	if s.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

func (s *serveCmd) announce(w io.Writer, srv *server.Server) error {
	_, err := fmt.Fprintf(w, "Bedside %s is ready.\n", version)
	if addr := srv.Addr(); addr != "" && err == nil {
		_, err = fmt.Fprintf(w, "  gRPC  %s\n", addr)
	}
	if addr := srv.HTTPAddr(); addr != "" && err == nil {
		_, err = fmt.Fprintf(w, "  HTTP  http://%s/metrics, /healthz, /readyz\n", addr)
	}
	return err
}
