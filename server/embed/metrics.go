package embed

import (
	"context"
	"errors"
	"strconv"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bedside-lm/bedside/batcher/dynamic"
	"github.com/bedside-lm/bedside/server/apierror"
)

// MetricSet is registered once; each model takes its own part of it, labelled with the model's name and version.
type MetricSet struct {
	queue, run, texts, places *prometheus.HistogramVec
	outcomes                  *prometheus.CounterVec

	mu sync.Mutex
	// users counts the loaded instances of each version: one that is loaded anew shares its series with the one whose
	// place it takes.
	users   map[labels]int
	waiting map[*metrics]func() int
}

type labels struct{ model, version string }

var waitingDesc = prometheus.NewDesc("bedside_embed_texts_waiting", "Texts that wait for a run.", []string{"model", "version"}, nil)

// NewMetricSet registers the metrics of embedding models.
func NewMetricSet(reg prometheus.Registerer) (*MetricSet, error) {
	histogram := func(name, help string, buckets []float64) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, []string{"model", "version"})
	}
	seconds := prometheus.ExponentialBuckets(0.0005, 2, 17) // 0.5 ms to 33 s
	s := &MetricSet{
		queue:  histogram("bedside_embed_queue_seconds", "Time from a text's arrival to the run that embeds it.", seconds),
		run:    histogram("bedside_embed_run_seconds", "Time of one run of an embedding model.", seconds),
		texts:  histogram("bedside_embed_run_texts", "Texts of one run.", prometheus.ExponentialBuckets(1, 2, 8)),
		places: histogram("bedside_embed_run_places", "Places of one run: its texts, each padded to its width.", prometheus.ExponentialBuckets(16, 2, 8)),
		outcomes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "bedside_embed_texts_total", Help: "Texts of requests that ended, by the request's outcome.",
		}, []string{"model", "version", "outcome"}),
		users: map[labels]int{}, waiting: map[*metrics]func() int{},
	}
	for _, c := range []prometheus.Collector{s.queue, s.run, s.texts, s.places, s.outcomes, waitingCollector{s}} {
		if err := reg.Register(c); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// waitingCollector asks the batchers when it is asked itself: a gauge that every text moves would cost each of them.
type waitingCollector struct{ set *MetricSet }

func (c waitingCollector) Describe(ch chan<- *prometheus.Desc) { ch <- waitingDesc }

func (c waitingCollector) Collect(ch chan<- prometheus.Metric) {
	sums := map[labels]int{}
	c.set.mu.Lock()
	for m, count := range c.set.waiting {
		sums[m.of] += count()
	}
	c.set.mu.Unlock()
	for of, n := range sums {
		ch <- prometheus.MustNewConstMetric(waitingDesc, prometheus.GaugeValue, float64(n), of.model, of.version)
	}
}

// metrics are one model's: the batcher's observer. A nil set observes nothing.
type metrics struct {
	set                       *MetricSet
	of                        labels
	queue, run, texts, places prometheus.Observer
	outcomes                  *prometheus.CounterVec
}

// forModel gives the metrics of one version of a model, until they are released.
func (s *MetricSet) forModel(model string, version int64) *metrics {
	of := labels{model, strconv.FormatInt(version, 10)}
	if s == nil {
		return &metrics{of: of}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.users[of]++
	return &metrics{
		set: s, of: of,
		queue:    s.queue.WithLabelValues(of.model, of.version),
		run:      s.run.WithLabelValues(of.model, of.version),
		texts:    s.texts.WithLabelValues(of.model, of.version),
		places:   s.places.WithLabelValues(of.model, of.version),
		outcomes: s.outcomes.MustCurryWith(prometheus.Labels{"model": of.model, "version": of.version}),
	}
}

// watch has the number of waiting texts reported.
func (m *metrics) watch(waiting func() int) {
	if m.set == nil {
		return
	}
	m.set.mu.Lock()
	defer m.set.mu.Unlock()
	m.set.waiting[m] = waiting
}

// release takes the model's series away, unless another instance of it goes on.
func (m *metrics) release() {
	s := m.set
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.waiting, m)
	if s.users[m.of]--; s.users[m.of] > 0 {
		return
	}
	delete(s.users, m.of)
	gone := prometheus.Labels{"model": m.of.model, "version": m.of.version}
	for _, vec := range []interface{ DeletePartialMatch(prometheus.Labels) int }{s.queue, s.run, s.texts, s.places, s.outcomes} {
		vec.DeletePartialMatch(gone)
	}
}

// Admitted and Rejected are part of the batcher's observer; ended counts what becomes of texts.
func (m *metrics) Admitted(int, int) {}

// Rejected does nothing: see Admitted.
func (m *metrics) Rejected(int, dynamic.Kind) {}

// Executed is told of a run.
func (m *metrics) Executed(x dynamic.Execution) {
	if m.set == nil {
		return
	}
	m.run.Observe(x.Compute.Seconds())
	m.texts.Observe(float64(x.Rows))
	m.places.Observe(float64(x.Tokens))
	for _, d := range x.Queue {
		m.queue.Observe(d.Seconds())
	}
}

// ended counts a request's texts by what became of it.
func (m *metrics) ended(texts int, err error) {
	if m.set != nil {
		m.outcomes.WithLabelValues(outcome(err)).Add(float64(texts))
	}
}

// outcome is "success", "invalid", a kind of dynamic.Error, "cancelled", "expired" or "failed".
func outcome(err error) string {
	if err == nil {
		return "success"
	}
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
