package infer

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bedside-lm/bedside/batcher/dynamic"
	"github.com/bedside-lm/bedside/server/apierror"
)

// MetricSet is registered once; each model takes its own part of it, labelled with the model's name and version.
type MetricSet struct {
	queue, batch, compute *prometheus.HistogramVec
	requests              *prometheus.CounterVec

	mu sync.Mutex
	// users counts the loaded instances of each version: one that is loaded anew shares its series with the one whose
	// place it takes.
	users map[labels]int
	depth map[*metrics]func() map[int]int // by priority level
}

type labels struct{ model, version string }

var depthDesc = prometheus.NewDesc("bedside_infer_queue_depth",
	"Requests that wait for a run, by priority level (0: the model has no levels).", []string{"model", "version", "priority"}, nil)

// NewMetricSet registers the metrics of tensor models.
func NewMetricSet(reg prometheus.Registerer) (*MetricSet, error) {
	histogram := func(name, help string, buckets []float64) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, []string{"model", "version"})
	}
	seconds := prometheus.ExponentialBuckets(0.00005, 2.5, 16) // 50 µs to 46 s
	s := &MetricSet{
		queue:   histogram("bedside_infer_queue_seconds", "Time from a request's arrival to the run that answers it.", seconds),
		compute: histogram("bedside_infer_compute_seconds", "Time of one run of a tensor model.", seconds),
		batch:   histogram("bedside_infer_batch_size", "Rows of one run of a tensor model.", prometheus.ExponentialBuckets(1, 2, 12)),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "bedside_infer_requests_total", Help: "Requests to tensor models that ended, by outcome.",
		}, []string{"model", "version", "outcome"}),
		users: map[labels]int{}, depth: map[*metrics]func() map[int]int{},
	}
	for _, c := range []prometheus.Collector{s.queue, s.compute, s.batch, s.requests, depthCollector{s}} {
		if err := reg.Register(c); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// depthCollector asks the batchers when it is asked: a gauge that every request moves would cost each of them.
type depthCollector struct{ set *MetricSet }

func (c depthCollector) Describe(ch chan<- *prometheus.Desc) { ch <- depthDesc }

func (c depthCollector) Collect(ch chan<- prometheus.Metric) {
	type series struct {
		labels
		level int
	}
	sums := map[series]int{}
	c.set.mu.Lock()
	for m, depth := range c.set.depth {
		for level, n := range depth() {
			sums[series{m.of, level}] += n
		}
	}
	c.set.mu.Unlock()
	for s, n := range sums {
		ch <- prometheus.MustNewConstMetric(depthDesc, prometheus.GaugeValue, float64(n), s.model, s.version, strconv.Itoa(s.level))
	}
}

// metrics are one model's.
type metrics struct {
	set                 *MetricSet
	of                  labels
	queue, batch, times prometheus.Observer
	success             prometheus.Counter
	requests            *prometheus.CounterVec // by outcome
}

// forModel gives the metrics of one version of a model, until they are released. depth tells how many requests wait
// at each priority level.
func (s *MetricSet) forModel(model string, version int64, depth func() map[int]int) *metrics {
	of := labels{model, strconv.FormatInt(version, 10)}
	s.mu.Lock()
	defer s.mu.Unlock()
	m := &metrics{
		set: s, of: of,
		queue:    s.queue.WithLabelValues(of.model, of.version),
		batch:    s.batch.WithLabelValues(of.model, of.version),
		times:    s.compute.WithLabelValues(of.model, of.version),
		requests: s.requests.MustCurryWith(prometheus.Labels{"model": of.model, "version": of.version}),
	}
	m.success = m.requests.WithLabelValues("success")
	s.users[of]++
	s.depth[m] = depth
	return m
}

// release takes the model's series away, unless another instance of it goes on.
func (m *metrics) release() {
	s := m.set
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.depth, m)
	if s.users[m.of]--; s.users[m.of] > 0 {
		return
	}
	delete(s.users, m.of)
	gone := prometheus.Labels{"model": m.of.model, "version": m.of.version}
	for _, vec := range []interface{ DeletePartialMatch(prometheus.Labels) int }{s.queue, s.compute, s.batch, s.requests} {
		vec.DeletePartialMatch(gone)
	}
}

func (m *metrics) ran(rows int, compute time.Duration) {
	m.batch.Observe(float64(rows))
	m.times.Observe(compute.Seconds())
}

func (m *metrics) succeeded(t Times) {
	m.queue.Observe(t.Queue.Seconds())
	m.success.Inc()
}

func (m *metrics) failed(err error) {
	m.requests.WithLabelValues(outcome(err)).Inc()
}

// outcome names the reason of a failure: "invalid", a kind of dynamic.Error, "cancelled", "expired" or "failed".
func outcome(err error) string {
	if _, ok := errors.AsType[*apierror.FieldError](err); ok {
		return "invalid"
	}
	if e, ok := errors.AsType[*dynamic.Error](err); ok {
		return e.Kind.String()
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return dynamic.KindExpired.String()
	case errors.Is(err, context.Canceled):
		return dynamic.KindCancelled.String()
	}
	return "failed"
}
