package server

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/bedside-lm/bedside/server/rpctest"
	"github.com/bedside-lm/bedside/server/tenant"
)

// mark stands in whatever these tests send.
const mark = "Quistgaard7042"

// documented are the codes that a caller who is not asked who they are has to expect (docs/operating.md). INTERNAL is one of them
// for bytes that are no message, which gRPC refuses by itself.
var documented = []codes.Code{
	codes.OK, codes.Canceled, codes.InvalidArgument, codes.DeadlineExceeded, codes.NotFound, codes.ResourceExhausted,
	codes.FailedPrecondition, codes.Unimplemented, codes.Unavailable,
}

// fuzzed is a server with small models of every kind, and what its log said.
type fuzzed struct {
	*Server
	log     *lockedBuffer
	methods []protoreflect.MethodDescriptor
	seeds   map[string][]string
	seen    sync.Map // method and code, to the number of calls
	failed  atomic.Int32
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.b.String()
	l.b.Reset()
	return s
}

// about gives the log's lines about an internal error.
func (l *lockedBuffer) about(st *status.Status) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []string
	for line := range strings.Lines(l.b.String()) {
		if id, found := strings.CutPrefix(st.Message(), "internal error "); found && len(id) >= 16 && strings.Contains(line, id[:16]) {
			out = append(out, line)
		}
	}
	return strings.Join(out, "")
}

func startFuzzed(t *testing.T) *fuzzed {
	t.Helper()
	f := &fuzzed{log: &lockedBuffer{}}
	cfg := defaults(t)
	withDiagnostician(t, tinyFit)(&cfg)
	cfg.Listen = ""
	cfg.Model, cfg.ModelRepository, cfg.ModelControlMode = "gru", []string{deviceModels, "../testdata/models"}, "explicit"
	cfg.Load = []string{"*"}
	cfg.GraphDatabase, cfg.Channelz = filepath.Join(t.TempDir(), "graph.db"), true
	cfg.RequestTimeout, cfg.MaxRecordBytes = 2*time.Second, 1<<20
	cfg.Slots, cfg.MaxQueueSize = 8, 32
	var err error
	f.Server, err = Start(t.Context(), cfg, slog.New(slog.NewJSONHandler(f.log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	require.NoError(t, err)
	f.methods, err = rpctest.Methods(f.grpc)
	require.NoError(t, err)
	require.Greater(t, len(f.methods), 50)
	f.seeds, err = rpctest.Seeds("../testdata", mark, slices.Concat(slices.Sorted(maps.Keys(deviceKinds)), []string{"simple", "simple_string", "lookup", "nonzero", "identity_bytes"}))
	require.NoError(t, err)
	return f
}

// requests makes what one call sends: most often messages, some of which keep no rule, sometimes bytes.
func (f *fuzzed) requests(t testing.TB, m protoreflect.MethodDescriptor, mk *rpctest.Maker) [][]byte {
	n := 1
	if m.IsStreamingClient() {
		n = mk.Rand.IntN(4)
	}
	var out [][]byte
	for range n {
		msg, err := rpctest.Request(m)
		require.NoError(t, err)
		mk.Fill(msg)
		data, err := proto.Marshal(msg)
		require.NoError(t, err)
		if mk.Rand.Float64() < mk.Wild/2 {
			data = mk.Mutate(data)
		}
		out = append(out, data)
	}
	return out
}

// one makes one call, and says what is wrong with how it went.
func (f *fuzzed) one(t testing.TB, conn *grpc.ClientConn, seed uint64) {
	mk := &rpctest.Maker{Rand: rand.New(rand.NewPCG(seed, 1)), Mark: mark, Seeds: f.seeds}
	mk.Wild = []float64{0, 0.02, 0.1, 0.4}[mk.Rand.IntN(4)]
	m := f.methods[mk.Rand.IntN(len(f.methods))]
	ctx, cancel := context.WithTimeout(t.Context(), time.Duration(1+mk.Rand.IntN(300))*time.Millisecond)
	defer cancel()
	if mk.Rand.IntN(10) == 0 {
		ctx = metadata.AppendToOutgoingContext(ctx, tenant.Key, "ward "+mark, "x-request-id", mark+"!", "patient", mark)
	}
	requests := f.requests(t, m, mk)
	_, err := rpctest.Call(ctx, conn, m, requests, 16)
	st := status.Convert(err)
	count, _ := f.seen.LoadOrStore(fmt.Sprintf("%-12s %s", st.Code(), rpctest.Path(m)), new(atomic.Int64))
	count.(*atomic.Int64).Add(1)
	complain := func(what string) {
		if f.failed.Add(1) <= 20 {
			t.Errorf("%s, case %d: %s: %v\n%s", rpctest.Path(m), seed, what, err, f.log.about(st))
		}
	}
	undecodable := st.Code() == codes.Internal && slices.ContainsFunc(requests, func(data []byte) bool {
		msg, _ := rpctest.Request(m)
		return proto.Unmarshal(data, msg) != nil
	})
	if !slices.Contains(documented, st.Code()) && !undecodable {
		complain("a code that is not documented")
	}
	if wire, _ := proto.Marshal(st.Proto()); bytes.Contains(wire, []byte("Quistgaard")) {
		complain("the error quotes the request")
	}
}

// Requests made of the descriptors, valid and not, at every call: no panic, no code but those that are documented, nothing
// of a request in an error or in the log, and nothing left running. BEDSIDE_FUZZ_CASES makes it longer and BEDSIDE_FUZZ_SEED
// makes others (make fuzz-rpc).
func TestEveryCallTakesAnything(t *testing.T) {
	cases, seed := uint64(1500), uint64(1)
	for name, into := range map[string]*uint64{"BEDSIDE_FUZZ_CASES": &cases, "BEDSIDE_FUZZ_SEED": &seed} {
		if text := os.Getenv(name); text != "" {
			n, err := strconv.ParseUint(text, 10, 32)
			require.NoError(t, err, name)
			*into = n
		}
	}
	f := startFuzzed(t)
	// Whoever is through with a call waits for nobody, so that calls meet in batches.
	f.run(t, 0, 1, seed<<32) // what is made on first use
	before := settled()
	began := time.Now()
	for done := uint64(0); done < cases && f.failed.Load() == 0; {
		n := min(cases-done, 20_000)
		f.run(t, done, n, seed<<32)
		done += n
		require.NotContains(t, f.log.take(), "Quistgaard", "the log quotes a request; cases %d to %d of seed %d", done-n, done, seed)
		t.Logf("%d cases in %v", done, time.Since(began).Round(time.Second))
	}
	require.Eventually(t, func() bool { return runtime.NumGoroutine() <= before+4 }, 20*time.Second, 50*time.Millisecond,
		"goroutines are left: %d, and %d before", runtime.NumGoroutine(), before)
	families, err := f.registry.Gather()
	require.NoError(t, err)
	for _, family := range families {
		require.NotContains(t, family.String(), "Quistgaard", "metrics quote a request")
		if family.GetName() == "bedside_panics_total" {
			require.Zero(t, family.GetMetric()[0].GetCounter().GetValue(), "panics")
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	require.NoError(t, f.Shutdown(ctx))
	require.NotContains(t, f.log.take(), "Quistgaard")
	f.report(t)
}

// settled is how many goroutines there are once those of the calls before have ended.
func settled() int {
	n := runtime.NumGoroutine()
	for range 20 {
		time.Sleep(20 * time.Millisecond)
		n = min(n, runtime.NumGoroutine())
	}
	return n
}

func (f *fuzzed) run(t *testing.T, from, n, seed uint64) {
	t.Helper()
	target, opts := f.InProcess()
	conn, err := grpc.NewClient(target, opts...)
	require.NoError(t, err)
	var next atomic.Uint64
	var running sync.WaitGroup
	for range 16 {
		running.Go(func() {
			for i := next.Add(1) - 1; i < n; i = next.Add(1) - 1 {
				f.one(t, conn, seed|(from+i))
			}
		})
	}
	running.Wait()
	require.NoError(t, conn.Close())
}

// report tells how the calls ended, with -v.
func (f *fuzzed) report(t *testing.T) {
	t.Helper()
	byCode := map[string]int64{}
	var lines []string
	f.seen.Range(func(key, count any) bool {
		n := count.(*atomic.Int64).Load()
		code, _, _ := strings.Cut(key.(string), " ")
		byCode[code] += n
		lines = append(lines, fmt.Sprintf("%8d %s", n, key))
		return true
	})
	slices.Sort(lines)
	t.Logf("%v\n%s", byCode, strings.Join(lines, "\n"))
}
