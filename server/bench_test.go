package server

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/batcher/continuous"
	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
	"github.com/bedside-lm/bedside/runtime/ort"
	"github.com/bedside-lm/bedside/runtime/repository"
	"github.com/bedside-lm/bedside/server/config"
	"github.com/bedside-lm/bedside/server/engine"
)

const (
	benchPrompt = 64 // tokens, about
	benchTokens = 96
	benchSlots  = 64
)

// BenchmarkDecode compares streams over gRPC with the same rows driven straight into the
// model, in one run. Prompt work is left out: a round counts from the moment at which all
// streams have their first token to the moment at which the first of them ends. Look at
// "x/1-stream", how many times the rate of one stream so many decode together, and at
// "%-overhead", the share of a step that scheduling, sampling and gRPC take.
func BenchmarkDecode(b *testing.B) {
	var direct, single decodeRound
	b.Run(fmt.Sprintf("direct/streams=%d", benchSlots), func(b *testing.B) {
		m := benchModel(b)
		direct = decodeRound{}
		for b.Loop() {
			direct.add(directRound(b, m, benchSlots))
		}
		direct.report(b, benchSlots)
	})
	for _, n := range []int{1, 4, 16, benchSlots} {
		b.Run(fmt.Sprintf("grpc/streams=%d", n), func(b *testing.B) {
			s := startServer(b, func(c *config.Config) { c.Slots = benchSlots })
			client := bedsidev1.NewGenerationServiceClient(dial(b, s))
			var total decodeRound
			for b.Loop() {
				total.add(grpcRound(b, client, n))
			}
			total.report(b, n)
			if n == 1 {
				single = total
			} else if single.tokens > 0 {
				b.ReportMetric(total.rate()/single.rate(), "x/1-stream")
			}
			if n == benchSlots && direct.tokens > 0 {
				b.ReportMetric(100*(1-direct.step(n).Seconds()/total.step(n).Seconds()), "%-overhead")
			}
		})
	}
}

// decodeRound is tokens decoded in a time.
type decodeRound struct {
	tokens int
	took   time.Duration
}

func (r *decodeRound) add(o decodeRound) { r.tokens += o.tokens; r.took += o.took }
func (r decodeRound) rate() float64      { return float64(r.tokens) / r.took.Seconds() }
func (r decodeRound) step(n int) time.Duration {
	return r.took * time.Duration(n) / time.Duration(r.tokens)
}

func (r decodeRound) report(b *testing.B, streams int) {
	b.ReportMetric(r.rate(), "tokens/s")
	b.ReportMetric(float64(r.step(streams).Microseconds())/1000, "ms/step")
	b.ReportMetric(0, "ns/op") // the length of a round says nothing
}

// grpcRound runs n streams at once.
func grpcRound(b *testing.B, client bedsidev1.GenerationServiceClient, n int) decodeRound {
	b.Helper()
	var started, counted atomic.Int64
	var begin, end time.Time
	var mu sync.Mutex
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			stream, err := client.StreamGenerate(b.Context(), &bedsidev1.GenerateRequest{
				Input:    &bedsidev1.GenerateRequest_Prompt{Prompt: prompt(uint64(i), benchPrompt)},
				Sampling: &bedsidev1.Sampling{MaxTokens: ptr(int32(benchTokens))},
			})
			if err != nil {
				b.Error(err)
				return
			}
			first := true
			for {
				piece, err := stream.Recv()
				if err != nil || piece.GetFinishReason() != 0 {
					break
				}
				mu.Lock()
				if first && started.Add(1) == int64(n) {
					begin = time.Now()
				}
				if !first && !begin.IsZero() && end.IsZero() {
					counted.Add(1)
				}
				mu.Unlock()
				first = false
			}
			mu.Lock()
			if end.IsZero() {
				end = time.Now()
			}
			mu.Unlock()
		})
	}
	wg.Wait()
	return decodeRound{tokens: int(counted.Load()), took: end.Sub(begin)}
}

func benchModel(b *testing.B) *ort.LanguageModel {
	b.Helper()
	library, err := repository.ORTLibrary()
	require.NoError(b, err)
	require.NoError(b, ort.Init(library))
	dir, err := repository.ModelsDir()
	require.NoError(b, err)
	cfg := defaults(b)
	mf, err := repository.Open(dir + "/" + cfg.Model)
	require.NoError(b, err, "run 'make setup'")
	m, err := ort.Open(mf, engine.ModelOptions(continuous.Config{
		Slots: benchSlots, SlotCapacity: cfg.SlotCapacity, TokenBudget: cfg.TokenBudget, MaxChunk: cfg.MaxChunk,
	}, 0))
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, m.Close()) })
	return m
}

// directRound decodes n rows as fast as the model goes: no scheduler, no sampling.
func directRound(b *testing.B, m *ort.LanguageModel, n int) decodeRound {
	b.Helper()
	rows := make([]ort.Row, n)
	for i := range rows {
		tokens := make([]int32, benchPrompt)
		for j := range tokens {
			tokens[j] = int32(1000 + i*j)
		}
		_, err := m.Step(b.Context(), []ort.Row{{Slot: i, Tokens: tokens, LogitsFrom: benchPrompt}})
		require.NoError(b, err)
		rows[i] = ort.Row{Slot: i, Start: benchPrompt, Tokens: []int32{int32(1000 + i)}}
	}
	began := time.Now()
	for range benchTokens {
		_, err := m.Step(b.Context(), rows)
		require.NoError(b, err)
		for i := range rows {
			rows[i].Start++
		}
	}
	return decodeRound{tokens: n * benchTokens, took: time.Since(began)}
}
