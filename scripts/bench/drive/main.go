// Command drive sends texts to an embedding model that any server offers through the Open Inference Protocol, from so many
// callers at once, and prints how many requests a second were answered and how long they took:
//
//	go run ./scripts/bench/drive -addr 127.0.0.1:8001 -texts testdata/eval/clinical-pairs.tsv -callers 1,8,32,128
//
// Each caller sends its next text when its last one is answered. Every answer is looked at: one that fails, or has no
// vector, counts as an error. What is answered within a round counts, also where it was sent before.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	inference "github.com/bedside-lm/bedside/proto/inference/v2"
)

type options struct {
	addr, model, input, texts, callers, name string
	duration, warmup                         time.Duration
	connections                              int
}

func main() {
	var o options
	flag.StringVar(&o.addr, "addr", "127.0.0.1:8001", "address of the server")
	flag.StringVar(&o.model, "model", "multilingual-e5-small", "model")
	flag.StringVar(&o.input, "input", "text", "its input, BYTES [n, 1]")
	flag.StringVar(&o.texts, "texts", "testdata/eval/clinical-pairs.tsv", "file of texts: each line's columns after the first")
	flag.StringVar(&o.callers, "callers", "1,8,32,128", "how many callers at once, one round for each number")
	flag.StringVar(&o.name, "name", "server", "what the printed lines begin with")
	flag.DurationVar(&o.duration, "duration", 15*time.Second, "length of a round")
	flag.DurationVar(&o.warmup, "warmup", 3*time.Second, "time before it that is not counted")
	flag.IntVar(&o.connections, "connections", 4, "connections that the callers share")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "drive:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	texts, err := readTexts(o.texts)
	if err != nil {
		return err
	}
	clients := make([]inference.GRPCInferenceServiceClient, o.connections)
	for i := range clients {
		conn, err := grpc.NewClient(o.addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			return err
		}
		defer conn.Close()
		clients[i] = inference.NewGRPCInferenceServiceClient(conn)
	}
	for field := range strings.SplitSeq(o.callers, ",") {
		callers, err := strconv.Atoi(field)
		if err != nil || callers < 1 {
			return fmt.Errorf("-callers: %q is no number of callers", field)
		}
		r, err := round(ctx, o, clients, texts, callers)
		if err != nil {
			return err
		}
		fmt.Printf("| %s | %d | %.1f | %.1f | %.1f | %d |\n", o.name, callers, r.rate, r.at(0.5), r.at(0.99), r.failed)
	}
	return nil
}

// readTexts gives the texts of a table, in an order that mixes its columns.
func readTexts(name string) ([]string, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var texts []string
	for line := range strings.Lines(string(data)) {
		if columns := strings.Split(strings.TrimRight(line, "\n"), "\t"); len(columns) > 1 && columns[0] != "id" {
			texts = append(texts, columns[1:]...)
		}
	}
	if len(texts) == 0 {
		return nil, fmt.Errorf("%s: no texts", name)
	}
	return texts, nil
}

// result is one round.
type result struct {
	rate   float64 // requests a second
	took   []time.Duration
	failed int
}

// at gives a quantile of the times, in milliseconds.
func (r result) at(quantile float64) float64 {
	if len(r.took) == 0 {
		return 0
	}
	i := min(int(quantile*float64(len(r.took))), len(r.took)-1)
	return float64(r.took[i].Microseconds()) / 1000
}

// round has callers send texts for the time of a round. The first error is returned where nothing was answered.
func round(ctx context.Context, o options, clients []inference.GRPCInferenceServiceClient, texts []string, callers int) (result, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var next atomic.Int64
	var mu sync.Mutex
	var r result
	var first error
	from := time.Now().Add(o.warmup)
	until := from.Add(o.duration)
	var wg sync.WaitGroup
	for c := range callers {
		wg.Go(func() {
			var took []time.Duration
			failed := 0
			for began := time.Now(); began.Before(until) && ctx.Err() == nil; began = time.Now() {
				err := embed(ctx, o, clients[c%len(clients)], texts[int(next.Add(1))%len(texts)])
				ended := time.Now()
				counts := ended.After(from) && ended.Before(until)
				switch {
				case err != nil:
					failed++
					mu.Lock()
					first = earlier(first, err)
					mu.Unlock()
				case counts:
					took = append(took, ended.Sub(began))
				}
			}
			mu.Lock()
			defer mu.Unlock()
			r.took = append(r.took, took...)
			r.failed += failed
		})
	}
	wg.Wait()
	if len(r.took) == 0 {
		return r, errors.Join(errors.New("nothing was answered"), first)
	}
	slices.Sort(r.took)
	r.rate = float64(len(r.took)) / o.duration.Seconds()
	return r, ctx.Err()
}

func earlier(first, err error) error {
	if first != nil {
		return first
	}
	return err
}

func embed(ctx context.Context, o options, client inference.GRPCInferenceServiceClient, text string) error {
	resp, err := client.ModelInfer(ctx, &inference.ModelInferRequest{
		ModelName: o.model,
		Inputs: []*inference.ModelInferRequest_InferInputTensor{{
			Name: o.input, Datatype: "BYTES", Shape: []int64{1, 1},
			Contents: &inference.InferTensorContents{BytesContents: [][]byte{[]byte(text)}},
		}},
		Parameters: map[string]*inference.InferParameter{
			"kind": {ParameterChoice: &inference.InferParameter_StringParam{StringParam: "passage"}},
		},
	})
	if err != nil {
		return err
	}
	out := resp.GetOutputs()
	if len(out) != 1 || len(out[0].GetShape()) != 2 || out[0].GetShape()[1] < 2 {
		return errors.New("the answer holds no vector")
	}
	return nil
}
