package dynamic_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/bedside-lm/bedside/batcher/dynamic"
)

// Three callers share one run.
func Example() {
	run := func(_ context.Context, batch []string) ([]string, error) {
		answers := make([]string, len(batch))
		for i, text := range batch {
			answers[i] = strings.ToUpper(text) // a model would run here, once for all of them
		}
		return answers, nil
	}
	b, err := dynamic.New(dynamic.Config{MaxBatchSize: 3, MaxQueueDelay: time.Minute}, run, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer b.Close()

	texts := []string{"pulse", "pressure", "temperature"}
	answers := make([]string, len(texts))
	var callers sync.WaitGroup
	for i, text := range texts {
		callers.Go(func() {
			result, err := b.Do(context.Background(), text, dynamic.Item{Size: 1})
			if err != nil {
				answers[i] = err.Error()
				return
			}
			answers[i] = fmt.Sprintf("%s, one of %d", result.Value, result.BatchSize)
		})
	}
	callers.Wait()
	fmt.Println(strings.Join(answers, "\n"))
	// Output:
	// PULSE, one of 3
	// PRESSURE, one of 3
	// TEMPERATURE, one of 3
}

// A scheduler on its own: the second request completes the batch that the first one waits for.
func ExampleScheduler() {
	s, err := dynamic.NewScheduler(dynamic.Config{MaxBatchSize: 2, MaxQueueDelay: 5 * time.Millisecond})
	if err != nil {
		fmt.Println(err)
		return
	}
	start := time.Unix(0, 0)
	admit := func(at time.Duration, name string) {
		now := start.Add(at)
		if err := s.Admit(now, &dynamic.Entry{Item: dynamic.Item{Size: 1}, Owner: name}); err != nil {
			fmt.Println(err)
		}
		show(at, s.Plan(now))
	}
	admit(0, "first")
	admit(time.Millisecond, "second")
	// Output:
	// after 0s: nothing to run yet
	// after 1ms: run first, second
}

func show(at time.Duration, plan dynamic.Plan) {
	if len(plan.Batches) == 0 {
		fmt.Printf("after %v: nothing to run yet\n", at)
	}
	for _, batch := range plan.Batches {
		var names []string
		for _, e := range batch.Entries {
			names = append(names, fmt.Sprint(e.Owner))
		}
		fmt.Printf("after %v: run %s\n", at, strings.Join(names, ", "))
	}
}
