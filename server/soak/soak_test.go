// Package soak runs the server as it is shipped, in a process of its own, under mixed calls at four fifths of what it can
// do, and has things go wrong meanwhile: clients, networks, callers, inputs, disks, files and the process itself.
//
//	go test ./server/soak                                     each fault that takes no longer than seconds, once
//	BEDSIDE_SOAK=30m go test ./server/soak -v -timeout 2h     all faults, again and again (make soak)
//
// It judges: calls that a fault should not concern all succeed, answers are the same bytes before and after each fault, no
// acknowledged write is lost, the audit log verifies, memory and goroutines stay flat, and in a long run the 99th
// percentile of the times stays within twice that of the same calls without faults. docs/faults.md has what was seen.
package soak

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
)

// window is the time in which a fault was injected, until what it left undone was made up for.
type window struct {
	fault    fault
	from, to time.Time
	seen     string
	err      error
}

// plan is how long the parts of a run take.
type plan struct {
	measure, calm, pause, faults time.Duration
	share                        float64 // of its capacity that the server is asked for
	long                         bool
}

func planOf(t *testing.T) plan {
	t.Helper()
	text := os.Getenv("BEDSIDE_SOAK")
	if text == "" {
		return plan{measure: 3 * time.Second, calm: 4 * time.Second, pause: 200 * time.Millisecond, share: 0.3}
	}
	whole, err := time.ParseDuration(text)
	require.NoError(t, err, "BEDSIDE_SOAK")
	require.GreaterOrEqual(t, whole, 3*time.Minute, "BEDSIDE_SOAK")
	return plan{measure: 20 * time.Second, calm: whole / 6, pause: 5 * time.Second, faults: whole - whole/6 - 20*time.Second, share: 0.8, long: true}
}

func TestSoak(t *testing.T) {
	p := planOf(t)
	e := &env{place: newPlace(t), traffic: newTraffic(t)}
	require.NoError(t, e.start())
	t.Cleanup(func() { _ = e.process.Process.Kill(); http.DefaultClient.CloseIdleConnections() })
	for to, name := range map[**clients]string{&e.clinician: "clinician", &e.ops: "operator", &e.integrator: "integrator", &e.noisy: "noisy"} {
		c, err := e.dial(e.addr, e.keys[name])
		require.NoError(t, err)
		*to = c
		t.Cleanup(func() { _ = c.conn.Close() })
	}
	ctx := t.Context()
	require.NoError(t, e.traffic.learn(ctx, e.clinician))
	e.traffic.capacity(ctx, e.clinician, p.measure/2) // to warm up
	capacity := e.traffic.capacity(ctx, e.clinician, p.measure)
	rate := p.share * capacity
	if !p.long {
		rate = min(rate, 60) // a short run is one of many tests
	}
	t.Logf("capacity: %.1f calls/s of the mix; sent from here on: %.1f", capacity, rate)

	connections := []*clients{e.clinician}
	for range 3 {
		c, err := e.dial(e.addr, e.keys["clinician"])
		require.NoError(t, err)
		t.Cleanup(func() { _ = c.conn.Close() })
		connections = append(connections, c)
	}
	calm := e.calm(ctx, connections, rate, p)
	windows, outcomes, samples := e.trouble(ctx, t, connections, rate, p)

	require.NoError(t, e.traffic.same(ctx, e.clinician), "answers after all faults")
	lost, acked, err := e.traffic.lost(ctx, e.clinician, 0)
	require.NoError(t, err)
	require.NoError(t, e.signal(syscall.SIGTERM))
	require.NoError(t, e.wait(45*time.Second))
	report(t, calm, outcomes, windows, samples, p)
	t.Logf("acknowledged writes: %d, lost: %d; processes: %d", acked, lost, 1+e.restarts)
	require.Zero(t, lost)
	require.NoError(t, e.verify(ctx))
}

// calm is the traffic without faults.
func (e *env) calm(ctx context.Context, connections []*clients, rate float64, p plan) []outcome {
	ctx, cancel := context.WithTimeout(ctx, p.calm)
	defer cancel()
	e.traffic.flow(ctx, connections, rate)
	return e.traffic.taken()
}

// sample is what the server holds at a moment.
type sample struct {
	at         time.Time
	restarts   int
	resident   float64 // MiB
	goroutines float64
}

func (e *env) sample(ctx context.Context) (sample, error) {
	m, err := e.metrics(ctx)
	return sample{time.Now(), e.restarts, m["process_resident_memory_bytes"] / (1 << 20), m["go_goroutines"]}, err
}

// trouble injects the faults, one after the other, while the traffic goes on.
func (e *env) trouble(ctx context.Context, t *testing.T, connections []*clients, rate float64, p plan) (windows []window, all []outcome, samples []sample) {
	t.Helper()
	flowing, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() { defer close(done); e.traffic.flow(flowing, connections, rate) }()
	began := time.Now()
	// The process is started anew first: what follows is one process' memory.
	faults := slices.Concat(serverFaults(), connectionFaults(), inputFaults())
	slices.Reverse(faults[:len(serverFaults())])
	for round := 0; round == 0 || time.Since(began) < p.faults; round++ {
		for _, f := range faults {
			if f.long && !p.long || round > 0 && time.Since(began) > p.faults {
				continue
			}
			if f.volume != nil && !slices.Contains(e.tmpfs, f.volume(e.place)) {
				continue
			}
			w := e.inject(ctx, f)
			windows = append(windows, w)
			t.Logf("%-22s %6.1f s  %s", f.name, w.to.Sub(w.from).Seconds(), w.seen)
			if w.err != nil {
				t.Errorf("%s: %v", f.name, w.err)
			}
			if err := e.traffic.same(ctx, e.clinician); err != nil {
				t.Errorf("after %s: %v", f.name, err)
			}
			s, err := e.sample(ctx)
			require.NoError(t, err)
			samples = append(samples, s)
			time.Sleep(p.pause)
		}
	}
	stop()
	<-done
	return windows, e.traffic.taken(), samples
}

// inject injects one fault. Where it keeps calls waiting, it is over when no more wait than before.
func (e *env) inject(ctx context.Context, f fault) window {
	before := e.traffic.flying.Load()
	w := window{fault: f, from: time.Now()}
	w.seen, w.err = f.inject(ctx, e)
	if f.slows != nil || f.fails != nil {
		if _, err := until(ctx, 2*time.Minute, func() bool { return e.traffic.flying.Load() <= max(2*before, 16) }); err != nil && w.err == nil {
			w.err = fmt.Errorf("what waited is not made up for: %w", err)
		}
	}
	w.to = time.Now()
	return w
}

// judged is a call's outcome in the light of the faults that were under way.
func judged(o outcome, windows []window) (fault string, timed bool) {
	timed = o.code == codes.OK
	bad := o.wrong || o.code != codes.OK
	for _, w := range windows {
		if o.ended.Before(w.from) || o.began.After(w.to) {
			continue
		}
		if w.fault.slows != nil && w.fault.slows(o.kind) || w.fault.fails != nil && w.fault.fails(o.kind, codes.Unavailable) {
			timed = false
		}
		if !o.wrong && bad && w.fault.fails != nil && w.fault.fails(o.kind, o.code) {
			bad = false
		}
	}
	if bad {
		return o.kind + ": " + o.code.String() + ": " + o.what, false
	}
	return "", timed
}

func quantile(took []time.Duration, q float64) time.Duration {
	if len(took) == 0 {
		return 0
	}
	slices.Sort(took)
	return took[min(int(q*float64(len(took))), len(took)-1)]
}

// report judges the run, and prints what was seen.
func report(t *testing.T, calm, trouble []outcome, windows []window, samples []sample, p plan) {
	t.Helper()
	times := func(calls []outcome, windows []window) (all []time.Duration, byKind map[string][]time.Duration, failed map[string]int, excused int) {
		byKind, failed = map[string][]time.Duration{}, map[string]int{}
		for _, o := range calls {
			fault, timed := judged(o, windows)
			switch {
			case fault != "":
				failed[fault]++
			case timed:
				all = append(all, o.ended.Sub(o.began))
				byKind[o.kind] = append(byKind[o.kind], o.ended.Sub(o.began))
			case o.code != codes.OK:
				excused++
			}
		}
		return all, byKind, failed, excused
	}
	quiet, quietBy, quietFailed, _ := times(calm, nil)
	loud, loudBy, loudFailed, excused := times(trouble, windows)
	t.Logf("calm: %d calls, p50 %v, p99 %v", len(calm), quantile(quiet, 0.5), quantile(quiet, 0.99))
	t.Logf("with faults: %d calls, %d timed, %d failed as the fault allows, p50 %v, p99 %v", len(trouble), len(loud), excused, quantile(loud, 0.5), quantile(loud, 0.99))
	for kind, took := range quietBy {
		t.Logf("  %-10s p99 calm %8.1f ms, with faults %8.1f ms", kind, ms(quantile(took, 0.99)), ms(quantile(loudBy[kind], 0.99)))
	}
	for what, n := range quietFailed {
		t.Errorf("calm: %d times %s", n, what)
	}
	for what, n := range loudFailed {
		t.Errorf("a call that no fault concerns: %d times %s", n, what)
	}
	if before, with := quantile(quiet, 0.99), quantile(loud, 0.99); p.long && with > 2*before {
		t.Errorf("p99 with faults is %v, more than twice that of the calm run, %v", with, before)
	}
	flat(t, samples)
	table(t, windows)
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// flat compares what the last process held at first and in the end.
func flat(t *testing.T, samples []sample) {
	t.Helper()
	last := samples[len(samples)-1]
	var of []sample
	for _, s := range samples {
		if s.restarts == last.restarts {
			of = append(of, s)
		}
	}
	first := of[min(2, len(of)-1)] // caches are filled by then
	var resident, goroutines []string
	for _, s := range of {
		resident, goroutines = append(resident, fmt.Sprintf("%.0f", s.resident)), append(goroutines, fmt.Sprintf("%.0f", s.goroutines))
	}
	t.Logf("resident MiB of the last process, after each fault: %s", strings.Join(resident, " "))
	t.Logf("goroutines: %s", strings.Join(goroutines, " "))
	if last.resident > 1.5*first.resident+64 {
		t.Errorf("resident memory grew from %.0f to %.0f MiB", first.resident, last.resident)
	}
	if last.goroutines > 2*first.goroutines+50 {
		t.Errorf("goroutines grew from %.0f to %.0f", first.goroutines, last.goroutines)
	}
}

// table writes what was seen, as docs/faults.md has it.
func table(t *testing.T, windows []window) {
	t.Helper()
	path := os.Getenv("BEDSIDE_SOAK_TABLE")
	if path == "" {
		return
	}
	var out strings.Builder
	out.WriteString("| fault | injected | expected | seen | times |\n|---|---|---|---|---|\n")
	times, seen := map[string]int{}, map[string]bool{}
	for _, w := range windows {
		times[w.fault.name]++
	}
	for _, w := range windows {
		if seen[w.fault.name] {
			continue
		}
		seen[w.fault.name] = true
		what := w.seen
		if w.err != nil {
			what = "NOT AS EXPECTED: " + w.err.Error()
		}
		fmt.Fprintf(&out, "| %s | %s | %s | %s | %d |\n", w.fault.name, w.fault.injected, w.fault.expected, what, times[w.fault.name])
	}
	require.NoError(t, os.WriteFile(path, []byte(out.String()), 0o600))
}
