package engine

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bedside-lm/bedside/batcher/continuous"
	"github.com/bedside-lm/bedside/runtime/ort"
	"github.com/bedside-lm/bedside/server/apierror"
	"github.com/bedside-lm/bedside/server/watchdog"
)

// Metrics are an engine's Prometheus metrics, all labelled with the model's name.
type Metrics struct {
	queueSeconds      prometheus.Observer
	firstTokenSeconds prometheus.Observer
	interTokenSeconds prometheus.Observer
	stepSeconds       prometheus.Observer
	stepRows          prometheus.Observer
	stepTokens        prometheus.Observer

	waiting, running         prometheus.Gauge
	slotsFree                prometheus.Gauge
	cacheTokens, cacheLimit  prometheus.Gauge
	promptTokens, textTokens prometheus.Counter
	cachedTokens             prometheus.Counter
	right, wrong             prometheus.Counter // guessed tokens
	cached                   bool               // whether the model has a key-value cache
	requests, faults         *prometheus.CounterVec
}

// MetricSet is registered once; ForModel gives each engine its own part.
type MetricSet struct {
	queue, firstToken, interToken, step, rows, tokens *prometheus.HistogramVec

	waiting, running, slotsFree, cacheTokens, cacheLimit *prometheus.GaugeVec

	processed, requests, faults, guesses *prometheus.CounterVec
}

// NewMetricSet registers the engines' metrics.
func NewMetricSet(reg prometheus.Registerer) (*MetricSet, error) {
	histogram := func(name, help string, buckets []float64) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, []string{"model"})
	}
	gauge := func(name, help string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, []string{"model"})
	}
	counter := func(name, help, label string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{"model", label})
	}
	seconds := prometheus.ExponentialBuckets(0.001, 2, 18) // 1 ms to 131 s
	s := &MetricSet{
		queue:       histogram("bedside_queue_seconds", "Time from a request's arrival to its first step.", seconds),
		firstToken:  histogram("bedside_time_to_first_token_seconds", "Time from a request's arrival to its first token.", seconds),
		interToken:  histogram("bedside_inter_token_seconds", "Time between two tokens of one request.", prometheus.ExponentialBuckets(0.001, 1.5, 20)),
		step:        histogram("bedside_step_seconds", "Time of one step, sampling included.", prometheus.ExponentialBuckets(0.001, 1.5, 20)),
		rows:        histogram("bedside_step_rows", "Requests that one step worked on (batch occupancy).", prometheus.ExponentialBuckets(1, 2, 10)),
		tokens:      histogram("bedside_step_tokens", "Tokens that one step ran.", prometheus.ExponentialBuckets(1, 2, 13)),
		waiting:     gauge("bedside_requests_waiting", "Requests that wait for a slot."),
		running:     gauge("bedside_requests_running", "Requests that have a slot."),
		slotsFree:   gauge("bedside_slots_free", "Slots without a request."),
		cacheTokens: gauge("bedside_kv_cache_tokens", "Tokens held in the key-value cache."),
		cacheLimit:  gauge("bedside_kv_cache_capacity_tokens", "Tokens that the key-value cache has room for."),
		processed:   counter("bedside_tokens_total", "Tokens by kind: prompt (those that were run), cached (of prompts, taken over from another request) or completion.", "kind"),
		guesses:     counter("bedside_draft_tokens_total", "Tokens that were guessed ahead from what stands before, by outcome: accepted or rejected.", "outcome"),
		requests:    counter("bedside_requests_total", "Requests that ended, by outcome.", "outcome"),
		faults:      counter("bedside_step_faults_total", "Runs of the model that failed, by fault: run, panic or hung.", "fault"),
	}
	for _, c := range []prometheus.Collector{
		s.queue, s.firstToken, s.interToken, s.step, s.rows, s.tokens,
		s.waiting, s.running, s.slotsFree, s.cacheTokens, s.cacheLimit, s.processed, s.requests, s.guesses, s.faults,
	} {
		if err := reg.Register(c); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// ForModel gives the metrics of one model's engine.
func (s *MetricSet) ForModel(model string) *Metrics {
	return &Metrics{
		queueSeconds: s.queue.WithLabelValues(model), firstTokenSeconds: s.firstToken.WithLabelValues(model),
		interTokenSeconds: s.interToken.WithLabelValues(model), stepSeconds: s.step.WithLabelValues(model),
		stepRows: s.rows.WithLabelValues(model), stepTokens: s.tokens.WithLabelValues(model),
		waiting: s.waiting.WithLabelValues(model), running: s.running.WithLabelValues(model),
		slotsFree: s.slotsFree.WithLabelValues(model), cacheTokens: s.cacheTokens.WithLabelValues(model),
		cacheLimit:   s.cacheLimit.WithLabelValues(model),
		promptTokens: s.processed.WithLabelValues(model, "prompt"), textTokens: s.processed.WithLabelValues(model, "completion"),
		right: s.guesses.WithLabelValues(model, "accepted"), wrong: s.guesses.WithLabelValues(model, "rejected"),
		cachedTokens: s.processed.WithLabelValues(model, "cached"),
		requests:     s.requests.MustCurryWith(prometheus.Labels{"model": model}),
		faults:       s.faults.MustCurryWith(prometheus.Labels{"model": model}),
	}
}

// Forget drops the metrics of a model that is no longer loaded.
func (s *MetricSet) Forget(model string) {
	of := prometheus.Labels{"model": model}
	for _, h := range []*prometheus.HistogramVec{s.queue, s.firstToken, s.interToken, s.step, s.rows, s.tokens} {
		h.DeletePartialMatch(of)
	}
	for _, g := range []*prometheus.GaugeVec{s.waiting, s.running, s.slotsFree, s.cacheTokens, s.cacheLimit} {
		g.DeletePartialMatch(of)
	}
	s.processed.DeletePartialMatch(of)
	s.requests.DeletePartialMatch(of)
	s.guesses.DeletePartialMatch(of)
	s.faults.DeletePartialMatch(of)
}

// fault counts a run of the model that failed.
func (m *Metrics) fault(err error) {
	kind := "run"
	if _, ok := errors.AsType[*apierror.PanicError](err); ok {
		kind = "panic"
	} else if errors.Is(err, watchdog.ErrHung) {
		kind = "hung"
	}
	m.faults.WithLabelValues(kind).Inc()
}

func (m *Metrics) drafted(guessed, accepted int) {
	if guessed > 0 {
		m.right.Add(float64(accepted))
		m.wrong.Add(float64(guessed - accepted))
	}
}

func (m *Metrics) queued(d time.Duration)     { m.queueSeconds.Observe(d.Seconds()) }
func (m *Metrics) firstToken(d time.Duration) { m.firstTokenSeconds.Observe(d.Seconds()) }
func (m *Metrics) interToken(d time.Duration) { m.interTokenSeconds.Observe(d.Seconds()) }

func (m *Metrics) step(rows []ort.Row, took time.Duration, stats continuous.Stats) {
	tokens := 0
	for _, r := range rows {
		tokens += len(r.Tokens)
	}
	m.stepSeconds.Observe(took.Seconds())
	m.stepRows.Observe(float64(len(rows)))
	m.stepTokens.Observe(float64(tokens))
	m.load(stats)
}

// of says whether the model has a key-value cache; the gauges of one without stay at 0.
func (m *Metrics) of(cached bool) *Metrics {
	other := *m
	other.cached = cached
	return &other
}

func (m *Metrics) load(st continuous.Stats) {
	m.waiting.Set(float64(st.Waiting))
	m.running.Set(float64(st.Running))
	m.slotsFree.Set(float64(st.SlotsFree))
	if m.cached {
		m.cacheTokens.Set(float64(st.TokensInUse))
		m.cacheLimit.Set(float64(st.TokenCapacity))
	}
}

func (m *Metrics) ended(reason continuous.Reason, s *sequence) {
	m.requests.WithLabelValues(reason.String()).Inc()
	if !s.started.IsZero() {
		m.promptTokens.Add(float64(s.summary.PromptTokens - s.summary.CachedTokens))
		m.cachedTokens.Add(float64(s.summary.CachedTokens))
	}
	m.textTokens.Add(float64(s.summary.CompletionTokens))
}

// refused counts a request that was never accepted.
func (m *Metrics) refused(err error) {
	outcome := "refused"
	var e *continuous.Error
	if errors.As(err, &e) {
		outcome = "refused_" + e.Kind.String()
	}
	m.requests.WithLabelValues(outcome).Inc()
}
