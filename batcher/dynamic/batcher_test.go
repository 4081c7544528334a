package dynamic

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// model is a runner that takes its time and notes what it is asked.
type model struct {
	takes   time.Duration
	mu      sync.Mutex
	batches [][]string
	ended   []error // how the contexts of the runs ended that did not take their time
}

func (m *model) run(ctx context.Context, batch []string) ([]string, error) {
	m.mu.Lock()
	m.batches = append(m.batches, slices.Clone(batch))
	m.mu.Unlock()
	select {
	case <-time.After(m.takes):
	case <-ctx.Done():
		m.mu.Lock()
		m.ended = append(m.ended, ctx.Err())
		m.mu.Unlock()
		return nil, ctx.Err()
	}
	answers := make([]string, len(batch))
	for i, q := range batch {
		answers[i] = strings.ToUpper(q)
	}
	return answers, nil
}

// bubble runs f with a batcher in fake time, and closes the batcher in the end.
func bubble(t *testing.T, cfg Config, m *model, f func(t *testing.T, b *Batcher[string, string])) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b, err := New(cfg, m.run, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		f(t, b)
	})
}

type answer struct {
	Result[string]
	err   error
	after time.Duration
}

// ask calls Do in the background and waits until that blocks or returns.
func ask(ctx context.Context, b *Batcher[string, string], req string, item Item) *answer {
	a, start := &answer{after: -1}, time.Now()
	item.Size = max(1, item.Size)
	go func() {
		r, err := b.Do(ctx, req, item)
		*a = answer{r, err, time.Since(start)}
	}()
	synctest.Wait()
	return a
}

func (a *answer) is(t *testing.T, value string, after time.Duration) {
	t.Helper()
	synctest.Wait()
	if a.err != nil || a.Value != value || a.after != after {
		t.Fatalf("got %q, %v after %v, want %q after %v", a.Value, a.err, a.after, value, after)
	}
}

func (a *answer) fails(t *testing.T, kind Kind, after time.Duration) {
	t.Helper()
	synctest.Wait()
	if kindOf(a.err) != kind || a.after != after {
		t.Fatalf("got %v after %v, want %v after %v", a.err, a.after, kind, after)
	}
}

func TestDo(t *testing.T) {
	m := &model{takes: ms(10)}
	bubble(t, Config{MaxBatchSize: 4}, m, func(t *testing.T, b *Batcher[string, string]) {
		first := ask(t.Context(), b, "a", Item{})
		time.Sleep(ms(4))
		second, third := ask(t.Context(), b, "b", Item{}), ask(t.Context(), b, "c", Item{Size: 2})
		time.Sleep(ms(20))
		first.is(t, "A", ms(10))
		second.is(t, "B", ms(16))
		third.is(t, "C", ms(16))
		if first.Queue != 0 || first.Compute != ms(10) || first.BatchSize != 1 {
			t.Fatalf("%+v", first.Result)
		}
		if second.Queue != ms(6) || second.Compute != ms(10) || second.BatchSize != 3 {
			t.Fatalf("%+v", second.Result)
		}
		if got := fmt.Sprint(m.batches); got != "[[a] [b c]]" {
			t.Fatal(got)
		}
	})
}

func TestDelayAndDeadlines(t *testing.T) {
	cfg := Config{MaxBatchSize: 4, MaxQueueDelay: ms(5), DefaultQueuePolicy: QueuePolicy{DefaultTimeout: ms(30)}}
	m := &model{takes: ms(100)}
	bubble(t, cfg, m, func(t *testing.T, b *Batcher[string, string]) {
		first := ask(t.Context(), b, "a", Item{})
		time.Sleep(ms(3))
		second := ask(t.Context(), b, "b", Item{})
		time.Sleep(ms(3)) // the two run
		late := ask(t.Context(), b, "c", Item{})
		dead := ask(t.Context(), b, "d", Item{Deadline: time.Now().Add(ms(7))})
		ctx, cancel := context.WithTimeout(t.Context(), ms(8))
		defer cancel()
		short := ask(ctx, b, "e", Item{})
		time.Sleep(ms(200))
		first.is(t, "A", ms(105))
		second.is(t, "B", ms(102))
		late.fails(t, KindTimeout, ms(30)) // and not after 100 ms, when the run ends
		dead.fails(t, KindExpired, ms(7))
		short.fails(t, KindExpired, ms(8))
		if !errors.Is(short.err, context.DeadlineExceeded) {
			t.Fatal(short.err)
		}
	})
}

// A lone caller pays nothing for a delay that adapts itself.
func TestAdaptiveDelayOfALoneCaller(t *testing.T) {
	cfg := Config{MaxBatchSize: 8, MaxQueueDelay: ms(5), AdaptiveDelay: true}
	bubble(t, cfg, &model{takes: ms(1)}, func(t *testing.T, b *Batcher[string, string]) {
		start := time.Now()
		for range 100 {
			if r, err := b.Do(t.Context(), "a", Item{Size: 1}); err != nil || r.Queue != 0 {
				t.Fatal(r, err)
			}
		}
		if took := time.Since(start); took != ms(100) {
			t.Fatalf("100 runs of 1 ms took %v", took)
		}
	})
}

func TestGoneCallers(t *testing.T) {
	m := &model{takes: ms(100)}
	bubble(t, Config{MaxBatchSize: 2}, m, func(t *testing.T, b *Batcher[string, string]) {
		ctx, cancel := context.WithCancel(t.Context())
		waiting, cancelWaiting := context.WithCancel(t.Context())
		other, cancelOther := context.WithCancel(t.Context())
		defer cancelOther()
		running := ask(ctx, b, "a", Item{})
		waits := ask(waiting, b, "b", Item{})
		c, d, e := ask(other, b, "c", Item{}), ask(t.Context(), b, "d", Item{}), ask(t.Context(), b, "e", Item{})
		time.Sleep(ms(1))
		cancelWaiting()
		synctest.Wait()
		if st := b.Stats(); st.Queued != 3 || len(m.ended) != 0 {
			t.Fatalf("%d wait, one is gone", st.Queued)
		}
		cancel()
		synctest.Wait()
		running.fails(t, KindCancelled, ms(1))
		waits.fails(t, KindCancelled, ms(1))
		if len(m.ended) != 1 || !errors.Is(waits.err, context.Canceled) {
			t.Fatal("nobody waits for the run, but its context has not ended")
		}
		if got := fmt.Sprint(m.batches); got != "[[a] [c d]]" {
			t.Fatalf("the next batch did not start at once, or with somebody who is gone: %v", got)
		}
		cancelOther()
		time.Sleep(ms(200))
		c.fails(t, KindCancelled, ms(1))
		d.is(t, "D", ms(101)) // its neighbour is gone, it is not
		e.is(t, "E", ms(201))
		if len(m.ended) != 1 {
			t.Fatal("the context of a run ended that somebody waited for")
		}
		if a := ask(ctx, b, "f", Item{}); kindOf(a.err) != KindCancelled {
			t.Fatal(a.err)
		}
	})
}

func TestPreserveOrderingOfAnswers(t *testing.T) {
	for _, ordered := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			run := func(_ context.Context, batch []time.Duration) ([]time.Duration, error) {
				time.Sleep(batch[0])
				return batch, nil
			}
			b, err := New(Config{Instances: 3, PreserveOrdering: ordered}, run, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer b.Close()
			order := make(chan time.Duration, 3)
			for _, takes := range []time.Duration{ms(30), ms(10), ms(20)} {
				go func() {
					if r, err := b.Do(t.Context(), takes, Item{Size: 1}); err == nil {
						order <- r.Value
					}
				}()
				synctest.Wait()
			}
			time.Sleep(ms(25))
			synctest.Wait()
			if early := len(order); ordered && early != 0 || !ordered && early != 2 {
				t.Fatalf("ordered %v: %d answers before the first request's", ordered, early)
			}
			time.Sleep(ms(25))
			synctest.Wait()
			if len(order) != 3 {
				t.Fatalf("ordered %v: %d answers in the end", ordered, len(order))
			}
		})
	}
}

func TestDoAll(t *testing.T) {
	one := Item{Size: 1}
	m := &model{takes: ms(10)}
	bubble(t, Config{MaxBatchSize: 2, MaxQueue: 4}, m, func(t *testing.T, b *Batcher[string, string]) {
		results, err := b.DoAll(t.Context(), []string{"a", "b", "c"}, []Item{one, one, one})
		if err != nil || len(results) != 3 || results[0].Value != "A" || results[1].Value != "B" || results[2].Value != "C" {
			t.Fatal(results, err)
		}
		running := ask(t.Context(), b, "x", one)
		for _, n := range []int{0, 5} { // none, and more than the queue holds
			if _, err := b.DoAll(t.Context(), make([]string, n), make([]Item, n)); kindOf(err) != KindInvalid {
				t.Fatal(err)
			}
		}
		waits := ask(t.Context(), b, "y", one)
		if _, err := b.DoAll(t.Context(), make([]string, 4), []Item{one, one, one, one}); kindOf(err) != KindQueueFull {
			t.Fatal(err)
		}
		if st := b.Stats(); st.Queued != 1 {
			t.Fatalf("%d wait: a part of a refused request came in", st.Queued)
		}
		_, err = b.DoAll(t.Context(), []string{"p", "q", "r"}, []Item{one, {Size: 1, Deadline: time.Now().Add(ms(9))}, one})
		if kindOf(err) != KindExpired {
			t.Fatal(err)
		}
		if st := b.Stats(); st.Queued != 1 {
			t.Fatalf("%d wait: the other parts are still there", st.Queued)
		}
		ctx, cancel := context.WithTimeout(t.Context(), ms(0.5))
		defer cancel()
		if _, err := b.DoAll(ctx, []string{"s", "t"}, []Item{one, one}); kindOf(err) != KindExpired {
			t.Fatal(err)
		}
		time.Sleep(ms(30))
		running.is(t, "X", ms(10))
		waits.is(t, "Y", ms(20))
		if got := fmt.Sprint(m.batches); got != "[[a b] [c] [x] [y]]" {
			t.Fatal(got)
		}
	})
}

func TestRunnersFaults(t *testing.T) {
	broken := errors.New("broken")
	for _, c := range []struct {
		name string
		run  Runner[string, string]
		want func(error) bool
	}{
		{"its own error is passed on", func(context.Context, []string) ([]string, error) { return nil, broken },
			func(err error) bool { return errors.Is(err, broken) && kindOf(err) == KindFailed }},
		{"a panic fails the batch alone", func(context.Context, []string) ([]string, error) { panic("secret") },
			func(err error) bool { return kindOf(err) == KindFailed && !strings.Contains(err.Error(), "secret") }},
		{"too few results", func(context.Context, []string) ([]string, error) { return nil, nil },
			func(err error) bool {
				return kindOf(err) == KindFailed && strings.Contains(err.Error(), "0 results for 1")
			}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, err := New(Config{}, c.run, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer b.Close()
			for range 2 { // and the batcher lives on
				if _, err := b.Do(t.Context(), "a", Item{Size: 1}); !c.want(err) {
					t.Fatal(err)
				}
			}
		})
	}
}

func TestDrain(t *testing.T) {
	bubble(t, Config{MaxBatchSize: 2, MaxQueueDelay: ms(50)}, &model{takes: ms(10)}, func(t *testing.T, b *Batcher[string, string]) {
		first := ask(t.Context(), b, "a", Item{})
		b.Drain()
		if a := ask(t.Context(), b, "b", Item{}); kindOf(a.err) != KindDraining {
			t.Fatal(a.err)
		}
		select {
		case <-b.Drained():
			t.Fatal("drained while a request runs")
		default:
		}
		<-b.Drained()
		synctest.Wait()
		first.is(t, "A", ms(10)) // it does not wait for company
	})
}

func TestClose(t *testing.T) {
	m := &model{takes: time.Hour}
	bubble(t, Config{}, m, func(t *testing.T, b *Batcher[string, string]) {
		running, waits := ask(t.Context(), b, "a", Item{}), ask(t.Context(), b, "b", Item{})
		time.Sleep(ms(1))
		b.Close()
		synctest.Wait()
		running.fails(t, KindStopped, ms(1))
		waits.fails(t, KindStopped, ms(1))
		if !errors.Is(waits.err, ErrStopped) || len(m.ended) != 1 || len(m.batches) != 1 {
			t.Fatal(waits.err, m.ended, m.batches)
		}
		<-b.Drained()
		if a := ask(t.Context(), b, "c", Item{}); !errors.Is(a.err, ErrStopped) {
			t.Fatal(a.err)
		}
		b.Close()
	})
}

// One tenant keeps 80 requests under way, the other one: that one waits for the batch that runs and at most one more.
func TestFloodedBatcher(t *testing.T) {
	cfg := Config{MaxBatchSize: 8, MaxQueue: 64}
	bubble(t, cfg, &model{takes: ms(10)}, func(t *testing.T, b *Batcher[string, string]) {
		ctx, cancel := context.WithCancel(t.Context())
		var flood sync.WaitGroup
		for range 80 {
			flood.Go(func() {
				for ctx.Err() == nil {
					if _, err := b.Do(ctx, "x", Item{Size: 1, Tenant: "flood"}); err != nil {
						time.Sleep(ms(1)) // refused: come again, as ill-mannered callers do
					}
				}
			})
		}
		for range 40 {
			time.Sleep(ms(3))
			r, err := b.Do(t.Context(), "y", Item{Size: 1, Tenant: "lone"})
			if err != nil || r.Queue > ms(20) {
				t.Fatalf("waited %v: %v", r.Queue, err)
			}
		}
		cancel()
		flood.Wait()
	})
}
