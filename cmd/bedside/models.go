package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	bedside "github.com/bedside-lm/bedside/clients/go"
	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
)

type modelsCmd struct {
	List   modelsListCmd   `cmd:"" help:"List the models of a server's repositories."`
	Load   modelsLoadCmd   `cmd:"" help:"Have a server load a model, or load it anew."`
	Unload modelsUnloadCmd `cmd:"" help:"Have a server end a model once its running requests are done."`
	Watch  modelsWatchCmd  `cmd:"" help:"Print the state of a server's models, and each change until interrupted."`
}

type modelsListCmd struct {
	connection
}

// Help is what --help adds.
func (*modelsListCmd) Help() string {
	return `Examples:

  bedside models list
  bedside models list --addr 127.0.0.1:8001 --output json`
}

// Run prints the models as a table.
func (m *modelsListCmd) Run(a *app) error {
	return m.withClient(a, func(client *bedside.Client) error {
		response, err := client.Model().ListModels(a.ctx, &bedsidev1.ListModelsRequest{})
		if err != nil {
			return m.failed(err)
		}
		if m.Output == "json" {
			return writeJSON(a.out, response)
		}
		return writeModels(a.out, response.GetModels())
	})
}

// remote are the flags of commands that make sense only with a server that is running.
type remote struct {
	connection
}

// Validate is kong's hook.
func (r *remote) Validate() error {
	if r.Addr == "" {
		return fmt.Errorf("--addr is needed: the server whose models are meant, such as --addr 127.0.0.1:8001")
	}
	return r.connection.Validate()
}

type modelsLoadCmd struct {
	remote

	Name string `arg:"" help:"The model's name, as its folder is called."`
}

// Help is what --help adds.
func (*modelsLoadCmd) Help() string {
	return `The server must run with --model-control-mode=explicit. The version that serves goes on until
the new one is ready; if the new one cannot be loaded, it stays.

Example:

  bedside models load --addr 127.0.0.1:8001 triage`
}

// Run loads the model and prints the versions that serve.
func (m *modelsLoadCmd) Run(a *app) error {
	return m.withClient(a, func(client *bedside.Client) error {
		progress := a.progress("loading "+printable(m.Name), m.Quiet)
		defer progress.stop()
		response, err := client.Model().LoadModel(a.ctx, &bedsidev1.LoadModelRequest{Name: m.Name})
		progress.stop()
		if err != nil {
			return m.failed(err)
		}
		if m.Output == "json" {
			return writeJSON(a.out, response)
		}
		return writeModels(a.out, response.GetModels())
	})
}

type modelsUnloadCmd struct {
	remote

	Name string `arg:"" help:"The model's name."`
}

// Run unloads the model.
func (m *modelsUnloadCmd) Run(a *app) error {
	return m.withClient(a, func(client *bedside.Client) error {
		progress := a.progress("waiting for running requests", m.Quiet)
		defer progress.stop()
		err := client.UnloadModel(a.ctx, m.Name)
		progress.stop()
		if err == nil && m.Output == "text" {
			fmt.Fprintln(a.out, printable(m.Name), "is unloaded")
		}
		return m.failed(err)
	})
}

type modelsWatchCmd struct {
	remote

	Names []string `arg:"" optional:"" help:"Models to watch; none: all."`
}

// Run prints states as they come.
func (m *modelsWatchCmd) Run(a *app) error {
	return m.withClient(a, func(client *bedside.Client) error {
		for model, err := range client.WatchModels(a.ctx, m.Names) {
			if err != nil {
				return m.failed(err)
			}
			if m.Output == "json" {
				err = writeJSON(a.out, model)
			} else {
				_, err = fmt.Fprintln(a.out, stateLine(model))
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func stateLine(m *bedsidev1.Model) string {
	line := fmt.Sprintf("%s  %s version %s: %s", m.GetStateTime().AsTime().Local().Format(time.TimeOnly),
		printable(m.GetReference().GetName()), printable(m.GetReference().GetVersion()), enumWord(m.GetState().String(), "MODEL_STATE_"))
	if reason := m.GetStateReason(); reason != "" {
		line += " (" + printable(reason) + ")"
	}
	return line
}

func writeModels(w io.Writer, models []*bedsidev1.Model) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "NAME\tVERSION\tSTATE\tKIND\tPRECISION\tLANGUAGES\tCONTEXT\tLICENSE\tMEAN KL\tDIGEST\tREASON")
	for _, m := range models {
		name := m.GetReference().GetName()
		if m.GetDefault() {
			name += " (default)"
		}
		quality, context := "-", "-"
		if q := m.GetQuality(); q != nil {
			quality = fmt.Sprintf("%.4f", q.GetMeanKl())
		}
		if n := m.GetContextLength(); n > 0 {
			context = fmt.Sprint(n)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n",
			printable(name), printable(m.GetReference().GetVersion()), enumWord(m.GetState().String(), "MODEL_STATE_"),
			dash(m.GetKind()), dash(m.GetPrecision()), dash(strings.Join(m.GetLanguages(), ",")), context,
			dash(printable(m.GetLicense())), quality, dash(shortDigest(m.GetReference().GetDigest())), printable(m.GetStateReason()))
	}
	return table.Flush()
}

// dash stands for what is not known, so that columns stay columns.
func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// enumWord makes "ready" of "MODEL_STATE_READY".
func enumWord(value, prefix string) string {
	return strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(value, prefix)), "_", " ")
}

// shortDigest keeps what tells two models apart in a table; JSON has the whole.
func shortDigest(digest string) string {
	const keep = len("sha256:") + 12
	return digest[:min(len(digest), keep)]
}
