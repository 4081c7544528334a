package server

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"

	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
	"github.com/bedside-lm/bedside/server/config"
)

const (
	benchPatients = 16
	benchParallel = 8 // facts that a summary has written at once
)

// BenchmarkClinicalFunctions has all four functions answer for one patient, then for 16, one after another and all at once. It takes
// minutes: run it with -benchtime=1x. "x/tokens" is the time against that of as many requests of as many tokens without any record
// around them; "x/steps" against the time that the engines' steps took; "x/sequential" how much more 16 at once get done.
func BenchmarkClinicalFunctions(b *testing.B) {
	s := startServer(b, func(c *config.Config) {
		c.ShippedModels, c.GraphDatabase = "../models", filepath.Join(b.TempDir(), "graph.db")
	})
	conn := dial(b, s)
	for _, record := range []string{"sepsis-icu", "diabetes-ward"} {
		src := fhirSource(recordFile(b, record+".fhir.json"))
		b.Run(record+"/one", func(b *testing.B) {
			var took, tokens, steps time.Duration
			for b.Loop() {
				before := readEngines(b, s)
				start := time.Now()
				require.NoError(b, allFunctions(b.Context(), conn, src))
				took += time.Since(start)
				work := readEngines(b, s).since(before)
				steps += work.steps
				tokens += work.small + work.replay(b, conn)
				b.ReportMetric(work.prompt, "prompt-tokens")
				b.ReportMetric(work.completion, "written-tokens")
			}
			b.ReportMetric(took.Seconds()/tokens.Seconds(), "x/tokens")
			b.ReportMetric(took.Seconds()/steps.Seconds(), "x/steps")
		})
	}
	ward := recordFile(b, "sepsis-ward.fhir.json")
	b.Run("sepsis-ward/16", func(b *testing.B) {
		var alone, together time.Duration
		for b.Loop() {
			for _, at := range []struct {
				once int
				took *time.Duration
			}{{1, &alone}, {benchPatients, &together}} {
				var group errgroup.Group
				group.SetLimit(at.once)
				start := time.Now()
				for i := range benchPatients {
					src := fhirSource(strings.Replace(ward, "1958-", fmt.Sprintf("19%d-", 40+i), 1)) // no two of one age
					group.Go(func() error { return allFunctions(b.Context(), conn, src) })
				}
				require.NoError(b, group.Wait())
				*at.took += time.Since(start)
			}
		}
		b.ReportMetric(alone.Seconds()/together.Seconds(), "x/sequential")
		b.ReportMetric(alone.Seconds()/float64(b.N*benchPatients), "s/patient-alone")
		b.ReportMetric(together.Seconds()/float64(b.N*benchPatients), "s/patient-together")
	})
}

// allFunctions asks for everything about one patient.
func allFunctions(ctx context.Context, conn *grpc.ClientConn, src *bedsidev1.RecordSource) error {
	clinical := bedsidev1.NewClinicalServiceClient(conn)
	if _, err := clinical.SummarizeRecord(ctx, &bedsidev1.SummarizeRecordRequest{Source: src}); err != nil {
		return err
	}
	if _, err := clinical.SuggestDiagnoses(ctx, &bedsidev1.SuggestDiagnosesRequest{Source: src}); err != nil {
		return err
	}
	if _, err := clinical.SuggestTreatments(ctx, &bedsidev1.SuggestTreatmentsRequest{Source: src}); err != nil {
		return err
	}
	_, err := bedsidev1.NewKnowledgeGraphServiceClient(conn).IngestRecord(ctx, &bedsidev1.IngestRecordRequest{Source: src})
	return err
}

// engineWork is what the engines have done: of the model that writes its requests and tokens, of all the time of their steps.
type engineWork struct {
	requests, prompt, completion float64
	steps, small                 time.Duration // small: of the device models alone
}

func readEngines(b *testing.B, s *Server) (out engineWork) {
	b.Helper()
	families, err := s.registry.Gather()
	require.NoError(b, err)
	for _, f := range families {
		for _, m := range f.GetMetric() {
			writer := label(m, "model") == s.cfg.Model
			switch {
			case f.GetName() == "bedside_step_seconds":
				took := time.Duration(m.GetHistogram().GetSampleSum() * float64(time.Second))
				out.steps += took
				if !writer {
					out.small += took
				}
			case f.GetName() == "bedside_tokens_total" && writer && label(m, "kind") == "prompt":
				out.prompt += m.GetCounter().GetValue()
			case f.GetName() == "bedside_tokens_total" && writer && label(m, "kind") == "completion":
				out.completion += m.GetCounter().GetValue()
			case f.GetName() == "bedside_requests_total" && writer:
				out.requests += m.GetCounter().GetValue()
			}
		}
	}
	return out
}

func label(m *dto.Metric, name string) string {
	for _, l := range m.GetLabel() {
		if l.GetName() == name {
			return l.GetValue()
		}
	}
	return ""
}

func (w engineWork) since(before engineWork) engineWork {
	return engineWork{
		w.requests - before.requests, w.prompt - before.prompt, w.completion - before.completion, w.steps - before.steps, w.small - before.small,
	}
}

// replay runs as many requests of as many tokens, as many at once as a summary does, and says how long they took.
func (w engineWork) replay(b *testing.B, conn *grpc.ClientConn) time.Duration {
	b.Helper()
	client := bedsidev1.NewGenerationServiceClient(conn)
	words, tokens := int(w.prompt/w.requests), int32(w.completion/w.requests)
	var group errgroup.Group
	group.SetLimit(benchParallel)
	start := time.Now()
	for i := range int(w.requests) {
		prompt := string(rune('a'+i%26)) + string(rune('a'+i/26%26)) + strings.Repeat(" the", max(0, words-2)) // a beginning of its own
		group.Go(func() error {
			_, err := client.Generate(b.Context(), &bedsidev1.GenerateRequest{
				Input: &bedsidev1.GenerateRequest_Prompt{Prompt: prompt}, Sampling: &bedsidev1.Sampling{MaxTokens: &tokens},
			})
			return err
		})
	}
	require.NoError(b, group.Wait())
	return time.Since(start)
}
