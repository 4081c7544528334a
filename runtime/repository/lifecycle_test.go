package repository

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// explicit is a started manager over one root that has loaded nothing.
func explicit(t *testing.T, change func(*Options)) (m *Manager[*loaded], ops *testOps, root string) {
	t.Helper()
	root = t.TempDir()
	opt := Options{Roots: []string{root}, Mode: ModeExplicit}
	if change != nil {
		change(&opt)
	}
	m, ops = manager(t, opt)
	require.NoError(t, m.Start(t.Context()))
	return m, ops, root
}

// status is how one version is.
func status(t *testing.T, m *Manager[*loaded], name string, version int64) Status {
	t.Helper()
	for _, s := range m.Index() {
		if s.Name == name && s.Version == version {
			return s
		}
	}
	t.Fatalf("%s/%d is not in the index", name, version)
	return Status{}
}

// until waits for a state of a version.
func until(t *testing.T, m *Manager[*loaded], name string, version int64, is func(Status) bool) {
	t.Helper()
	for s := range m.Watch(t.Context()) {
		if s.Name == name && s.Version == version && is(s) {
			return
		}
	}
	t.Fatal("the watch ended")
}

func inState(want State) func(Status) bool { return func(s Status) bool { return s.State == want } }

func TestLifeOfAModel(t *testing.T) {
	m, ops, root := explicit(t, nil)
	write(t, root, "m", "1", "model.onnx", "one")
	write(t, root, "m", ConfigName, "all")
	_, err := m.Acquire("m", "")
	require.Equal(t, KindUnknownModel, kindOf(t, err), "nobody has looked yet")
	s := status(t, m, "m", 1)
	require.Equal(t, Status{Name: "m", Version: 1, State: StateUnavailable, Reason: "not loaded", Since: s.Since, Format: FormatONNX}, s)
	_, err = m.Acquire("m", "")
	require.ErrorContains(t, err, `model "m" version 1 is not ready: not loaded`)

	require.NoError(t, m.Load(t.Context(), "m"))
	s = status(t, m, "m", 1)
	require.Equal(t, StateReady, s.State)
	require.Empty(t, s.Reason)
	require.Regexp(t, `^sha256:[0-9a-f]{64}$`, s.Digest)
	require.Equal(t, s.Digest, ops.specs[0].Digest)
	require.Equal(t, []byte("all"), ops.specs[0].Config)

	h, err := m.Acquire("m", "")
	require.NoError(t, err)
	require.EqualValues(t, 1, h.Spec().Version)
	unloaded := make(chan error)
	go func() { unloaded <- m.Unload(t.Context(), "m") }()
	until(t, m, "m", 1, inState(StateUnloading))
	_, err = m.Acquire("m", "1")
	require.ErrorContains(t, err, "not ready: unloaded", "no new work while the old ends")
	require.Zero(t, h.Model().closed.Load(), "a handle is out")
	select {
	case err := <-unloaded:
		t.Fatalf("unloaded with a handle out: %v", err)
	default:
	}
	h.Release()
	h.Release()
	require.NoError(t, <-unloaded)
	require.EqualValues(t, 1, h.Model().closed.Load())
	s = status(t, m, "m", 1)
	require.Equal(t, StateUnavailable, s.State)
	require.Equal(t, "unloaded", s.Reason)
	require.Empty(t, s.Digest)
	require.NoError(t, m.Unload(t.Context(), "m"), "what is not loaded is unloaded")

	require.Equal(t, KindUnknownModel, kindOf(t, m.Load(t.Context(), "other")))
	require.Equal(t, KindUnknownModel, kindOf(t, m.Unload(t.Context(), "other")))
	require.Equal(t, KindUnknownModel, kindOf(t, m.Load(t.Context(), "../m")))
	require.Empty(t, m.models["other"], "questions leave nothing behind")
}

func TestReloadKeepsServing(t *testing.T) {
	m, ops, root := explicit(t, nil)
	write(t, root, "m", "1", "model.onnx", "old")
	require.NoError(t, m.Load(t.Context(), "m"))
	h, err := m.Acquire("m", "1")
	require.NoError(t, err)

	write(t, root, "m", "1", "model.onnx", "gate new")
	reloaded := make(chan error)
	go func() { reloaded <- m.Load(t.Context(), "m") }()
	until(t, m, "m", 1, func(s Status) bool { return s.Reason == "is being loaded anew, the previous instance serves" })
	require.Equal(t, StateReady, status(t, m, "m", 1).State)
	require.Equal(t, "old", text(t, m, "m", "1"))
	close(ops.gate)
	require.NoError(t, <-reloaded, "it does not wait for the handle")
	require.Equal(t, "gate new", text(t, m, "m", "1"))
	require.Zero(t, h.Model().closed.Load())
	h.Release()
	require.NoError(t, m.Unload(t.Context(), "m"))
	require.EqualValues(t, 1, h.Model().closed.Load())
}

func TestFailuresLeaveWhatServes(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(t *testing.T, dir string)
		says  string
	}{
		{"a broken model", func(t *testing.T, dir string) { write(t, dir, "1", "model.onnx", "bad") }, "not a model: m/1/model.onnx"},
		{"a panic", func(t *testing.T, dir string) { write(t, dir, "1", "model.onnx", "panic at once") }, "panic: panic at once"},
		{"no model", func(t *testing.T, dir string) { require.NoError(t, os.Remove(filepath.Join(dir, "1", "model.onnx"))) }, "open m/1/model.onnx: no such file"},
		{"a broken configuration", func(t *testing.T, dir string) { write(t, dir, ConfigName, "broken") }, "config.pbtxt: line 1:1: not a policy"},
		{"a panic over the configuration", func(t *testing.T, dir string) { write(t, dir, ConfigName, "panic") }, "panic: policy"},
		{"versions that are not there", func(t *testing.T, dir string) {
			write(t, dir, ConfigName, "1 and 3")
			require.NoError(t, os.Rename(filepath.Join(dir, "1"), filepath.Join(dir, "2")))
		}, "version_policy (specific [1 3]) chooses none of the versions [2]"},
		{"no version", func(t *testing.T, dir string) { require.NoError(t, os.RemoveAll(filepath.Join(dir, "1"))) }, "holds no version folder"},
		{"wrong digests", func(t *testing.T, dir string) { write(t, dir, "1", SumsName, sumOfX+"  model.onnx") }, "model.onnx: SHA-256 is "},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, _, root := explicit(t, nil)
			write(t, root, "m", "1", "model.onnx", "good")
			write(t, root, "other", "1", "model.onnx", "good")
			require.NoError(t, m.Load(t.Context(), "m"))
			digest := status(t, m, "m", 1).Digest

			c.spoil(t, filepath.Join(root, "m"))
			err := m.Load(t.Context(), "m")
			require.Equal(t, KindLoadFailed, kindOf(t, err))
			require.ErrorContains(t, err, c.says)
			require.NotContains(t, err.Error(), root)
			require.Equal(t, "good", text(t, m, "m", ""))
			s := status(t, m, "m", 1)
			require.Equal(t, StateReady, s.State)
			require.Equal(t, digest, s.Digest)
			require.Contains(t, s.Reason, "loading it anew failed, the previous instance serves: ")
			require.Contains(t, s.Reason, c.says)

			// The same without an instance before.
			require.NoError(t, m.Unload(t.Context(), "m"))
			require.Error(t, m.Load(t.Context(), "m"))
			_, err = m.Acquire("m", "")
			require.Equal(t, KindNotReady, kindOf(t, err))
			require.ErrorContains(t, err, c.says)

			// And put in order again.
			require.NoError(t, os.RemoveAll(filepath.Join(root, "m")))
			write(t, root, "m", "1", "model.onnx", "better")
			require.NoError(t, m.Load(t.Context(), "m"))
			require.Equal(t, "better", text(t, m, "m", ""))
			require.Empty(t, status(t, m, "m", 1).Reason)
			require.Len(t, m.Index(), 2)
		})
	}
}

func TestVersionsComeAndGo(t *testing.T) {
	m, _, root := explicit(t, nil)
	write(t, root, "m", "1", "model.onnx", "one")
	require.NoError(t, m.Load(t.Context(), "m"))
	write(t, root, "m", "2", "model.onnx", "bad")
	require.Error(t, m.Load(t.Context(), "m"))
	require.Equal(t, "one", text(t, m, "m", ""), "1 goes only when 2 is ready")
	write(t, root, "m", "2", "model.onnx", "two")
	require.NoError(t, m.Load(t.Context(), "m"))
	require.Equal(t, "two", text(t, m, "m", ""))
	until(t, m, "m", 1, inState(StateUnavailable))
	require.Equal(t, "version_policy does not choose it", status(t, m, "m", 1).Reason)

	write(t, root, "m", ConfigName, "1 and 3")
	err := m.Load(t.Context(), "m")
	require.ErrorContains(t, err, "version_policy names versions without a folder: [3]")
	require.Equal(t, "one", text(t, m, "m", ""), "what is there of it serves")
	require.Contains(t, status(t, m, "m", 1).Reason, "without a folder: [3]")

	write(t, root, "m", ConfigName, "all")
	require.NoError(t, m.Load(t.Context(), "m"))
	require.Equal(t, "two", text(t, m, "m", ""))
	require.Equal(t, "one", text(t, m, "m", "1"))
	require.NoError(t, os.RemoveAll(filepath.Join(root, "m", "1")))
	require.NoError(t, m.Load(t.Context(), "m"))
	until(t, m, "m", 2, inState(StateReady))
	_, err = m.Acquire("m", "1")
	require.Error(t, err)

	require.NoError(t, os.RemoveAll(filepath.Join(root, "m")))
	require.Equal(t, KindUnknownModel, kindOf(t, m.Load(t.Context(), "m")))
	require.Equal(t, "two", text(t, m, "m", ""), "on demand means on demand")
	require.NoError(t, m.Unload(t.Context(), "m"))
	require.Empty(t, m.Index())
}

func TestManifestsAreVerified(t *testing.T) {
	m, ops, root := explicit(t, func(o *Options) { o.Verify = true })
	writeFolder(t, filepath.Join(root, "lm"), nil)
	require.NoError(t, m.Load(t.Context(), "lm"))
	data, err := os.ReadFile(filepath.Join(root, "lm", ManifestName))
	require.NoError(t, err)
	sum := sha256.Sum256(data)
	require.Equal(t, "sha256:"+hex.EncodeToString(sum[:]), ops.specs[0].Digest, "the manifest's own")
	require.EqualValues(t, 1, ops.specs[0].Version)
	require.Equal(t, FormatBedside, ops.specs[0].Format)

	write(t, root, "lm", "model.onnx", "Weights")
	err = m.Load(t.Context(), "lm")
	require.ErrorContains(t, err, "model.onnx: SHA-256 is ")
	var e *Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, "weights", text(t, m, "lm", "1"))
	write(t, root, "lm", "model.onnx", "weights")
	write(t, root, "lm", SumsName, sumOfX+"  model.onnx")
	require.ErrorContains(t, m.Load(t.Context(), "lm"), "bedside.json is not listed in SHA256SUMS", "it counts beside a manifest")
	require.NoError(t, os.Remove(filepath.Join(root, "lm", SumsName)))

	trusting, _ := manager(t, Options{Roots: []string{root}})
	require.NoError(t, trusting.Start(t.Context()))
}

func TestGivingUpALoad(t *testing.T) {
	m, _, root := explicit(t, nil)
	write(t, root, "m", "1", "model.onnx", "hang")
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error)
	go func() { failed <- m.Load(ctx, "m") }()
	until(t, m, "m", 1, inState(StateLoading))
	_, err := m.Acquire("m", "")
	require.ErrorContains(t, err, "it is LOADING")
	cancel()
	require.ErrorIs(t, <-failed, context.Canceled)
	until(t, m, "m", 1, func(s Status) bool { return s.State == StateUnavailable && s.Reason == "context canceled" })

	// While somebody still waits, it goes on; Close ends it.
	ctx, cancel = context.WithCancel(t.Context())
	go func() { failed <- m.Load(ctx, "m") }()
	until(t, m, "m", 1, inState(StateLoading))
	others := make(chan error)
	go func() { others <- m.Load(t.Context(), "m") }()
	joined(t, m, "m", 1)
	cancel()
	require.ErrorIs(t, <-failed, context.Canceled)
	go func() { require.NoError(t, m.Close()) }()
	require.Equal(t, KindClosed, kindOf(t, <-others))
	require.Equal(t, KindClosed, kindOf(t, m.Load(t.Context(), "m")))
	_, err = m.Acquire("m", "")
	require.Equal(t, KindClosed, kindOf(t, err))
}

// joined waits until n callers wait for the operation that is last in line, behind one that runs.
func joined(t *testing.T, m *Manager[*loaded], name string, n int) {
	t.Helper()
	for {
		m.mu.Lock()
		queue := m.models[name].queue
		ready := len(queue) == 2 && queue[1].waiters == n
		m.mu.Unlock()
		if ready {
			return
		}
		require.NoError(t, t.Context().Err())
		runtime.Gosched()
	}
}

func TestLoadsOfOneModelAreShared(t *testing.T) {
	m, ops, root := explicit(t, nil)
	write(t, root, "m", "1", "model.onnx", "gate")
	results := make(chan error)
	go func() { results <- m.Load(t.Context(), "m") }()
	until(t, m, "m", 1, inState(StateLoading))
	const callers = 20
	for range callers {
		go func() { results <- m.Load(t.Context(), "m") }()
	}
	joined(t, m, "m", callers)
	close(ops.gate)
	for range callers + 1 {
		require.NoError(t, <-results)
	}
	require.Len(t, ops.all(), 2, "the one that ran, and one for all that came meanwhile")
}

func TestModelsAreLoadedSideBySide(t *testing.T) {
	root := t.TempDir()
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		write(t, root, name, "1", "model.onnx", "gate")
	}
	m, ops := manager(t, Options{Roots: []string{root}, Parallel: 3})
	started := make(chan error)
	go func() { started <- m.Start(t.Context()) }()
	for ops.inside.Load() < 3 {
		runtime.Gosched()
	}
	close(ops.gate)
	require.NoError(t, <-started)
	require.EqualValues(t, 3, ops.most.Load())
	require.Len(t, ops.all(), 5)
}

// A folder that is moved away, missed and moved back while its model waits for its turn is loaded and closed as any other.
func TestAFolderThatIsAwayForAMoment(t *testing.T) {
	m, ops, root := explicit(t, func(o *Options) { o.Parallel = 1 })
	write(t, root, "first", "1", "model.onnx", "gate")
	write(t, root, "m", "1", "model.onnx", "one")
	first, second := make(chan error), make(chan error)
	go func() { first <- m.Load(t.Context(), "first") }()
	until(t, m, "first", 1, inState(StateLoading))
	go func() { second <- m.Load(t.Context(), "m") }()
	until(t, m, "m", 1, func(s Status) bool { return s.Reason == reasonNotLoaded })
	away := filepath.Join(t.TempDir(), "m")
	require.NoError(t, os.Rename(filepath.Join(root, "m"), away))
	require.Len(t, m.Index(), 1)
	require.NoError(t, os.Rename(away, filepath.Join(root, "m")))
	close(ops.gate)
	require.NoError(t, <-first)
	if err := <-second; err != nil { // it looked while the folder was away
		require.NoError(t, m.Load(t.Context(), "m"))
	}
	require.Equal(t, "one", text(t, m, "m", "1"))
}

func TestFilesThatChangeMeanwhile(t *testing.T) {
	m, ops, root := explicit(t, nil)
	write(t, root, "m", "1", "model.onnx", "gate")
	failed := make(chan error)
	go func() { failed <- m.Load(t.Context(), "m") }()
	until(t, m, "m", 1, inState(StateLoading))
	write(t, root, "m", "1", "model.onnx", "gate, and more")
	close(ops.gate)
	require.ErrorContains(t, <-failed, "its files changed while they were loaded")
	require.EqualValues(t, 1, ops.all()[0].closed.Load())
}

func TestOneRetiredInstanceAtATime(t *testing.T) {
	m, ops, root := explicit(t, nil)
	write(t, root, "m", "1", "model.onnx", "one")
	require.NoError(t, m.Load(t.Context(), "m"))
	h, err := m.Acquire("m", "")
	require.NoError(t, err)
	require.NoError(t, m.Load(t.Context(), "m"))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, m.Load(ctx, "m"), context.DeadlineExceeded, "the first is still in use")
	require.Len(t, ops.all(), 2)
	h.Release()
	require.NoError(t, m.Load(t.Context(), "m"))
}

func TestErrorsOfClosingAreTold(t *testing.T) {
	m, _, root := explicit(t, nil)
	write(t, root, "m", "1", "model.onnx", "sticky")
	require.NoError(t, m.Load(t.Context(), "m"))
	require.NoError(t, m.Unload(t.Context(), "m"))
	require.Equal(t, "unloaded; closing it failed: stuck", status(t, m, "m", 1).Reason)
}

func TestPanicsKeepTheirStack(t *testing.T) {
	m, _, root := explicit(t, nil)
	write(t, root, "m", "1", "model.onnx", "panic")
	p, ok := errors.AsType[*PanicError](m.Load(t.Context(), "m"))
	require.True(t, ok)
	require.Contains(t, string(p.Stack), "testOps")
}
