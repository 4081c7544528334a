//go:build linux

// Command bedside is what scripts/bench/rivals measures Bedside with: it takes the commands of driver.py's processes, a line of
// JSON each, and carries them out on a running server through gRPC. Times are those at which a token's message arrived here;
// processor seconds and memory are the server's.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
)

const (
	connections = 4
	longestLine = 64 << 20
	rssEvery    = 16 // tokens of a stream
)

// request is one stream: see driver.py.
type request struct {
	Text   string  `json:"text"`
	Prompt []int32 `json:"prompt"` // the same text; only its length is used, to see that the server reads it alike
	Tokens int32   `json:"tokens"`
	After  int     `json:"after"`
}

type command struct {
	Requests []request `json:"requests"`
}

// answer is one line; see driver.py.
type answer struct {
	Times   [][]moment `json:"times,omitempty"`
	Sent    []float64  `json:"sent,omitempty"`
	RSS     int64      `json:"rss"`
	Version string     `json:"version,omitempty"`
	Error   string     `json:"error,omitempty"`
}

// moment is a time and the server's processor seconds at that time.
type moment [2]float64

func main() {
	addr := flag.String("addr", "127.0.0.1:8001", "address of the server")
	model := flag.String("model", "", "model; empty: the server's default")
	pid := flag.Int("pid", 0, "process of the server")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *addr, *model, server(*pid)); err != nil {
		fmt.Fprintln(os.Stderr, "bedside:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, addr, model string, srv server) error {
	clients := make([]bedsidev1.GenerationServiceClient, connections)
	for i := range clients {
		conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			return err
		}
		defer conn.Close()
		clients[i] = bedsidev1.NewGenerationServiceClient(conn)
	}
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, longestLine)
	out := json.NewEncoder(os.Stdout)
	for in.Scan() {
		var c command
		if err := json.Unmarshal(in.Bytes(), &c); err != nil {
			return err
		}
		var a answer
		var err error
		if len(c.Requests) > 0 {
			a, err = newRound(srv, c.Requests).serve(ctx, clients, model)
		} else {
			a.RSS, err = srv.resident()
		}
		if err != nil {
			a = answer{Error: err.Error()}
		}
		if err := out.Encode(a); err != nil {
			return err
		}
	}
	return in.Err()
}

// round is requests that run together.
type round struct {
	server   server
	requests []request
	begun    time.Time // times are given on the monotonic clock, counted from here

	mu      sync.Mutex
	written sync.Cond // a stream has another token, or has ended
	failed  error
	times   [][]moment
	sent    []float64
	rss     int64
}

func newRound(srv server, requests []request) *round {
	r := &round{
		server: srv, requests: requests, begun: time.Now(),
		times: make([][]moment, len(requests)), sent: make([]float64, len(requests)),
	}
	for i := range r.times {
		r.times[i] = []moment{} // null would be no list
	}
	r.written.L = &r.mu
	return r
}

func (r *round) serve(ctx context.Context, clients []bedsidev1.GenerationServiceClient, model string) (answer, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	for i := range r.requests {
		wg.Go(func() {
			if !r.await(r.requests[i].After) {
				return
			}
			if err := r.stream(ctx, clients[i%len(clients)], model, i); err != nil {
				r.fail(fmt.Errorf("request %d: %w", i, err))
				cancel()
			}
		})
	}
	wg.Wait()
	return answer{Times: r.times, Sent: r.sent, RSS: r.rss}, r.failed
}

// await returns when each stream that began at once has so many tokens; false after a failure.
func (r *round) await(tokens int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.failed == nil && !r.have(tokens) {
		r.written.Wait()
	}
	return r.failed == nil
}

func (r *round) have(tokens int) bool {
	for i, q := range r.requests {
		if q.After == 0 && len(r.times[i]) < tokens {
			return false
		}
	}
	return true
}

func (r *round) stream(ctx context.Context, client bedsidev1.GenerationServiceClient, model string, i int) error {
	q := r.requests[i]
	r.mu.Lock()
	r.sent[i] = time.Since(r.begun).Seconds()
	r.mu.Unlock()
	stream, err := client.StreamGenerate(ctx, &bedsidev1.GenerateRequest{
		Model: model, Input: &bedsidev1.GenerateRequest_Prompt{Prompt: q.Text},
		Sampling: &bedsidev1.Sampling{MaxTokens: &q.Tokens},
	})
	if err != nil {
		return err
	}
	for {
		piece, err := stream.Recv()
		if err != nil {
			return err
		}
		if piece.GetFinishReason() != 0 { // the last message ends the text and brings no token
			if n := piece.GetUsage().GetPromptTokens(); int(n) != len(q.Prompt) {
				return fmt.Errorf("the server read %d tokens, the others read %d", n, len(q.Prompt))
			}
			return nil
		}
		// A message is a token. One that ends within a character brings none and is not counted; driving programs choose
		// prompts after which there are none.
		if err := r.note(i); err != nil {
			return err
		}
	}
}

// note that a token of request i has come.
func (r *round) note(i int) error {
	cpu, err := r.server.processorSeconds()
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.times[i] = append(r.times[i], moment{time.Since(r.begun).Seconds(), cpu})
	r.written.Broadcast()
	if len(r.times[i])%rssEvery != 1 {
		return nil
	}
	rss, err := r.server.resident()
	r.rss = max(r.rss, rss)
	return err
}

func (r *round) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed = errors.Join(r.failed, err)
	r.written.Broadcast()
}

// server is the process that is measured.
type server int

// processorSeconds is what all its threads have used; the clock's number is what clock_getcpuclockid(3) makes of a process.
func (s server) processorSeconds() (float64, error) {
	var t unix.Timespec
	err := unix.ClockGettime(int32(^s<<3|2), &t)
	return time.Duration(t.Nano()).Seconds(), err
}

// resident is its memory in bytes.
func (s server) resident() (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", s))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(text))
	if len(fields) < 2 {
		return 0, fmt.Errorf("/proc/%d/statm: %q", s, text)
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize()), err
}
