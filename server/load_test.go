package server

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
)

// prompt is about n tokens of text that differs with seed.
func prompt(seed uint64, n int) string {
	words := strings.Fields("heart rate blood pressure oxygen patient lactate fever stable rising nurse device alarm")
	r := rand.New(rand.NewPCG(seed, 2))
	var b strings.Builder
	for range n {
		b.WriteByte(' ')
		b.WriteString(words[r.IntN(len(words))])
	}
	return b.String()
}

// gauge reads one of a server's metrics.
func gauge(t *testing.T, s *Server, name string) float64 {
	t.Helper()
	families, err := s.registry.Gather()
	require.NoError(t, err)
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetGauge().GetValue()
		}
	}
	t.Fatalf("no metric %s", name)
	return 0
}

// TestManyStreamsWithCancellations sends 64 streams at once, of prompts from 5 to 1,500
// tokens, a third of which are cancelled at random moments. None may fail otherwise, and
// afterwards everything is as it was.
func TestManyStreamsWithCancellations(t *testing.T) {
	s := startServer(t, nil)
	client := bedsidev1.NewGenerationServiceClient(dial(t, s))
	const streams = 64
	rounds := 2 // BEDSIDE_TEST_ROUNDS=10 for the long look at memory
	if v, err := strconv.Atoi(os.Getenv("BEDSIDE_TEST_ROUNDS")); err == nil {
		rounds = v
	}
	var resident []int
	for round := range rounds {
		random := rand.New(rand.NewPCG(7, uint64(round)))
		var wg sync.WaitGroup
		errs := make(chan error, streams)
		for i := range streams {
			length := 5 + random.IntN(80)
			if i%16 == 0 {
				length = 500 + random.IntN(1000)
			}
			var cancelAfter time.Duration
			if i%3 == 0 {
				cancelAfter = time.Duration(1+random.IntN(6000)) * time.Millisecond
			}
			tokens := int32(4 + random.IntN(20))
			wg.Go(func() { errs <- runStream(t.Context(), client, prompt(uint64(i), length), tokens, cancelAfter) })
		}
		wg.Wait()
		close(errs)
		for err := range errs {
			require.NoError(t, err)
		}
		require.Eventually(t, func() bool { return gauge(t, s, "bedside_slots_free") == streams }, 5*time.Second, 10*time.Millisecond)
		require.Zero(t, gauge(t, s, "bedside_requests_waiting"))
		require.Zero(t, gauge(t, s, "bedside_kv_cache_tokens"))
		resident = append(resident, residentMiB(t))
	}
	t.Logf("resident memory after each round: %v MiB", resident)
	// ONNX Runtime's arena grows to what the largest steps need, most of it in the first
	// rounds; from there on nothing may pile up. The slack is for that growth where the rounds
	// are few.
	const slack = 32
	settled := resident[(len(resident)-1)/2]
	require.Less(t, resident[len(resident)-1], settled+settled/8+slack, "memory grew: %v MiB", resident)
}

// runStream reads one stream to its end; being cancelled is fine if cancelAfter asks for it.
func runStream(ctx context.Context, client bedsidev1.GenerationServiceClient, text string, tokens int32, cancelAfter time.Duration) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if cancelAfter > 0 {
		defer time.AfterFunc(cancelAfter, cancel).Stop()
	}
	stream, err := client.StreamGenerate(ctx, &bedsidev1.GenerateRequest{
		Input:    &bedsidev1.GenerateRequest_Prompt{Prompt: text},
		Sampling: &bedsidev1.Sampling{MaxTokens: ptr(tokens)},
	})
	if err != nil {
		return err
	}
	_, last, err := collect(stream)
	switch {
	case err == nil && last.GetFinishReason() == bedsidev1.FinishReason_FINISH_REASON_UNSPECIFIED:
		return fmt.Errorf("a stream ended without a finish reason")
	case cancelAfter > 0 && status.Code(err) == codes.Canceled:
		return nil
	}
	return err
}

func residentMiB(t *testing.T) int {
	t.Helper()
	data, err := os.ReadFile("/proc/self/statm")
	require.NoError(t, err)
	pages, err := strconv.Atoi(strings.Fields(string(data))[1])
	require.NoError(t, err)
	return pages * os.Getpagesize() >> 20
}
