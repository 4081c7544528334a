// Command overload starts the real server and sends it more than it can do, then reports what became of it:
//
//	go run ./scripts/bench/overload            (after make setup build; about five minutes)
//
// It measures what a model can do, sends three times as much for a minute, lets one tenant flood another one, and loads a
// model anew 200 times while it is used. The figures are for docs/benchmarks.md; the exit status is 1 where a promise is
// broken that does not depend on the machine's speed: an answer that is neither right nor a proper refusal.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"time"
)

type options struct {
	binary, repository string
	measure, flood     time.Duration
	deadline           time.Duration
	times              float64
	reloads            int
	embedding, steps   string
}

func main() {
	var o options
	flag.StringVar(&o.binary, "binary", "bin/bedside", "the server")
	flag.StringVar(&o.repository, "repository", "testdata/models", "folder of the test models")
	flag.StringVar(&o.embedding, "embedding", "multilingual-e5-small", "embedding model")
	flag.StringVar(&o.steps, "steps", "tensors,embeddings,tenants,reloads", "what is done")
	flag.DurationVar(&o.measure, "measure", 15*time.Second, "how long capacity is measured, and a tenant alone")
	flag.DurationVar(&o.flood, "flood", time.Minute, "how long each flood lasts")
	flag.DurationVar(&o.deadline, "deadline", 30*time.Second, "how long a request of a flood is waited for")
	flag.Float64Var(&o.times, "times", 3, "how many times its capacity a model is sent")
	flag.IntVar(&o.reloads, "reloads", 200, "how often a model is loaded anew")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "overload:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	s, err := start(ctx, o)
	if err != nil {
		return err
	}
	defer s.stop()
	yield()
	steps := map[string]func() (int, error){
		// Enough callers for a full batch that runs and one that waits: as many as its queue holds.
		"tensors":    func() (int, error) { return flood(ctx, o, s, slowModel(), 16) },
		"embeddings": func() (int, error) { return flood(ctx, o, s, embeddingModel(o.embedding), 64) },
		"tenants":    func() (int, error) { return tenants(ctx, o, s) },
		"reloads":    func() (int, error) { return reloads(ctx, o, s) },
	}
	faults := 0
	for name := range strings.SplitSeq(o.steps, ",") {
		step := steps[name]
		if step == nil {
			return fmt.Errorf("-steps: %q is not known", name)
		}
		found, err := step()
		if err != nil {
			return err
		}
		faults += found
	}
	if faults > 0 {
		return errors.New("there were answers that are neither right nor a proper refusal: see above")
	}
	return nil
}

// flood sends a model more than it can do.
func flood(ctx context.Context, o options, s *server, m model, callers int) (faults int, err error) {
	fmt.Printf("\n== %s, %.0f times what it can do, for %v\n", m.name, o.times, o.flood)
	capacity, err := closed(ctx, s, m, callers, o.measure)
	if err != nil {
		return 0, err
	}
	fmt.Printf("capacity, %d callers: %v\n", callers, capacity)
	faults = capacity.refused + capacity.report()
	before := s.residentMiB()
	watch := s.watchMemory(o.flood / 6)
	r := open(ctx, s, m, "", o.times*capacity.rate(), o)
	resident := watch()
	fmt.Printf("flood, %.0f requests/s sent: %v\n", float64(r.sent)/o.flood.Seconds(), r)
	fmt.Printf("goodput: %.0f %% of capacity\n", 100*r.rate()/capacity.rate())
	fmt.Printf("given up at their deadline: %d\n", r.late)
	fmt.Printf("refusals: %d, p50 %.1f ms, p99 %.1f ms\n", r.refused, at(r.refusals, 0.5), at(r.refusals, 0.99))
	fmt.Printf("resident MiB: %d before, then %v\n", before, resident)
	return faults + r.report(), ctx.Err()
}

// tenants has one tenant flood a model that another one asks now and then.
func tenants(ctx context.Context, o options, s *server) (faults int, err error) {
	m := slowModel()
	fmt.Printf("\n== two tenants of %s, one floods it for %v\n", m.name, o.flood)
	capacity, err := closed(ctx, s, m, 16, o.measure/3)
	if err != nil {
		return 0, err
	}
	rate := capacity.rate() / 20
	alone := open(ctx, s, m, "ward", rate, o)
	done := make(chan tally)
	go func() { done <- open(ctx, s, m, "flood", o.times*capacity.rate(), o) }()
	beside := open(ctx, s, m, "ward", rate, o)
	other := <-done
	fmt.Printf("ward alone:  %v\nward beside: %v\nflood:       %v\n", alone, beside, other)
	fmt.Printf("ward's p99 beside the flood: %.2f times that alone, %d of its requests refused\n",
		at(beside.took, 0.99)/at(alone.took, 0.99), beside.refused)
	return alone.refused + alone.report() + beside.report() + other.report(), ctx.Err()
}

// reloads loads a model anew again and again while it is used.
func reloads(ctx context.Context, o options, s *server) (faults int, err error) {
	m := simpleModel()
	fmt.Printf("\n== %s loaded anew %d times, under load\n", m.name, o.reloads)
	loading, stop := context.WithCancel(ctx)
	defer stop()
	done := make(chan tally)
	go func() { done <- until(loading, s, m, 8) }()
	resident := []int{s.residentMiB()}
	for i := range o.reloads {
		if err := s.reload(ctx, m.name); err != nil {
			return 0, err
		}
		if (i+1)%max(o.reloads/20, 1) == 0 {
			resident = append(resident, s.residentMiB())
		}
	}
	stop()
	r := <-done
	fmt.Printf("requests meanwhile: %v, refused %d\nresident MiB, every %d reloads: %v\n", r, r.refused, max(o.reloads/20, 1), resident)
	return r.refused + r.report(), ctx.Err()
}
