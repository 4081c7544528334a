package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	bedside "github.com/bedside-lm/bedside/clients/go"
	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
)

type modelsCmd struct {
	List modelsListCmd `cmd:"" help:"List the models that a server runs."`
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

func writeModels(w io.Writer, models []*bedsidev1.Model) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "NAME\tVERSION\tKIND\tPRECISION\tLANGUAGES\tCONTEXT\tLICENSE\tSTATE\tMEAN KL\tDIGEST")
	for _, m := range models {
		name := m.GetReference().GetName()
		if m.GetDefault() {
			name += " (default)"
		}
		quality := "-"
		if q := m.GetQuality(); q != nil {
			quality = fmt.Sprintf("%.4f", q.GetMeanKl())
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%d\t%s\t%s\t%s\t%s\n",
			printable(name), printable(m.GetReference().GetVersion()), m.GetKind(), m.GetPrecision(),
			strings.Join(m.GetLanguages(), ","), m.GetContextLength(), printable(m.GetLicense()),
			enumWord(m.GetState().String(), "MODEL_STATE_"), quality, shortDigest(m.GetReference().GetDigest()))
	}
	return table.Flush()
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
