package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"

	"github.com/alecthomas/kong"

	"github.com/bedside-lm/bedside/server"
	"github.com/bedside-lm/bedside/server/config"
)

const description = `Language models over medical-device data.

Start a server with "bedside serve", or give a command alone: without --addr it runs the engine in its own process.`

// cli is the command line.
type cli struct {
	Serve     serveCmd     `cmd:"" help:"Serve the models over gRPC."`
	Generate  generateCmd  `cmd:"" help:"Have a model continue a prompt or answer a question."`
	Summarize summarizeCmd `cmd:"" help:"Summarise a patient's record."`
	Diagnose  diagnoseCmd  `cmd:"" help:"Suggest diagnoses for a patient's record."`
	Treat     treatCmd     `cmd:"" help:"Suggest treatments for a patient's record."`
	Report    reportCmd    `cmd:"" help:"Write all that is said about a patient's record as one page of HTML."`
	Graph     graphCmd     `cmd:"" help:"Build a knowledge graph of records, and ask it."`
	Prepare   prepareCmd   `cmd:"" help:"Clean device data and put it into words: one record, or a whole cohort."`
	Describe  describeCmd  `cmd:"" help:"Say what a waveform, an image file or a sound shows."`
	Deid      deidCmd      `cmd:"" help:"Take out of a text or a record what identifies people."`
	Listen    listenCmd    `cmd:"" help:"Take HL7 v2 messages over MLLP and store them."`
	Models    modelsCmd    `cmd:"" help:"Look at the models."`
	Auth      authCmd      `cmd:"" help:"Say who may call a server."`
	Audit     auditCmd     `cmd:"" help:"Look at a server's audit log."`
	Version   versionCmd   `cmd:"" help:"Print the version of Bedside and of what it runs on."`
}

// app is what a command works with.
type app struct {
	ctx                context.Context //nolint:containedctx // ends with the process's first signal; kong's Run methods take no context
	in                 io.Reader
	out, err           io.Writer
	outIsTTY, errIsTTY bool
	start              func(context.Context, config.Config, *slog.Logger) (*server.Server, error)
	shield             func() (log io.Writer, err error) // nil: standard error is left as it is
}

// run runs one command and gives the process's exit code.
func run(ctx context.Context, args []string, a *app) int {
	a.ctx = ctx
	exited := -1
	parser, err := kong.New(&cli{},
		kong.Name("bedside"),
		kong.Description(description),
		kong.Writers(a.out, a.err),
		kong.Exit(func(code int) { exited = code }), // after --help; parsing goes on regardless
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, FlagsLast: true, WrapUpperBound: 100}),
		kong.Configuration(loadSettings),
		kong.ExplicitGroups([]kong.Group{
			{Key: "connection", Title: "Connection:"},
			{Key: "sampling", Title: "Sampling:"},
			{Key: "form", Title: "Form of the text:"},
			{Key: "text", Title: "Text:"},
			{Key: "cohort", Title: "Cohorts:"},
			{Key: "batch", Title: "Many records:"},
			{Key: "graph", Title: "Knowledge graph:"},
			{Key: "network", Title: "Network:"},
			{Key: "model", Title: "Models:"},
			{Key: "batching", Title: "Batching:"},
			{Key: "limits", Title: "Limits:"},
			{Key: "security", Title: "Security:"},
			{Key: "diagnosis", Title: "Diagnosis:"},
		}),
	)
	if err != nil {
		fmt.Fprintln(a.err, "bedside:", err)
		return exitFailure
	}
	parsed, err := parser.Parse(args)
	if exited >= 0 {
		return exited
	}
	if err == nil {
		err = parsed.Run(a)
	} else {
		err = &usageError{err}
	}
	return report(ctx, a.err, err)
}
