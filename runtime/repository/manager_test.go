package repository

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// loaded is what testOps make of a version: the text of its model file.
type loaded struct {
	text   string
	closed atomic.Int32
}

// testOps load a model by reading model.onnx. A file that begins with "bad" cannot be loaded, with "panic" panics, with
// "hang" waits for the context, and with "gate" for the gate.
type testOps struct {
	mu     sync.Mutex
	opened []*loaded
	specs  []Spec
	gate   chan struct{}
	inside atomic.Int32
	most   atomic.Int32
}

func (o *testOps) Load(ctx context.Context, spec Spec) (*loaded, error) {
	now := o.inside.Add(1)
	defer o.inside.Add(-1)
	for most := o.most.Load(); now > most && !o.most.CompareAndSwap(most, now); most = o.most.Load() {
	}
	data, err := os.ReadFile(filepath.Join(spec.Dir, "model.onnx"))
	if err != nil {
		return nil, err
	}
	text := string(data)
	switch {
	case strings.HasPrefix(text, "bad"):
		return nil, errors.New("not a model: " + filepath.Join(spec.Dir, "model.onnx"))
	case strings.HasPrefix(text, "panic"):
		panic(text)
	case strings.HasPrefix(text, "hang"):
		<-ctx.Done()
		return nil, ctx.Err()
	case strings.HasPrefix(text, "gate"):
		select {
		case <-o.gate:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	l := &loaded{text: text}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.opened = append(o.opened, l)
	o.specs = append(o.specs, spec)
	return l, nil
}

// all are the models opened so far.
func (o *testOps) all() []*loaded {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.opened)
}

func (o *testOps) Close(l *loaded) error {
	l.closed.Add(1)
	if l.text == "sticky" {
		return errors.New("stuck")
	}
	return nil
}

func (o *testOps) Policy(config []byte) (VersionPolicy, error) {
	switch string(config) {
	case "all":
		return VersionPolicy{All: true}, nil
	case "1 and 3":
		return VersionPolicy{Specific: []int64{1, 3}}, nil
	case "broken":
		return VersionPolicy{}, errors.New("config.pbtxt: line 1:1: not a policy")
	case "panic":
		panic("policy")
	}
	return VersionPolicy{}, nil
}

func write(t *testing.T, path ...string) {
	t.Helper()
	content := path[len(path)-1]
	file := filepath.Join(path[:len(path)-1]...)
	require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o700))
	require.NoError(t, os.WriteFile(file, []byte(content), 0o600))
}

func manager(t *testing.T, opt Options) (*Manager[*loaded], *testOps) {
	t.Helper()
	ops := &testOps{gate: make(chan struct{})}
	m, err := NewManager[*loaded](opt, ops)
	require.NoError(t, err)
	m.lookAgain = 0
	t.Cleanup(func() {
		require.NoError(t, m.Close())
		for _, l := range ops.all() {
			require.EqualValues(t, 1, l.closed.Load(), "%q is closed once", l.text)
		}
	})
	return m, ops
}

// text is what serves under a name and version.
func text(t *testing.T, m *Manager[*loaded], name, version string) string {
	t.Helper()
	h, err := m.Acquire(name, version)
	require.NoError(t, err)
	defer h.Release()
	require.Zero(t, h.Model().closed.Load())
	return h.Model().text
}

func kindOf(t *testing.T, err error) Kind {
	t.Helper()
	var e *ModelError
	require.ErrorAs(t, err, &e)
	return e.Kind
}

func TestNoneLoadsEverything(t *testing.T) {
	root := t.TempDir()
	write(t, root, "a", "1", "model.onnx", "a1")
	write(t, root, "a", "2", "model.onnx", "a2")
	write(t, root, "a", "10", "model.onnx", "a10")
	write(t, root, "b", "config.pbtxt", "all")
	write(t, root, "b", "1", "model.onnx", "b1")
	write(t, root, "b", "2", "model.onnx", "bad")
	write(t, root, "notes.txt", "no model")
	m, _ := manager(t, Options{Roots: []string{root}})
	err := m.Start(t.Context())
	require.Equal(t, KindLoadFailed, kindOf(t, err))
	require.ErrorContains(t, err, `model "b" version 2 cannot be loaded: not a model: b/2/model.onnx`)
	require.NotContains(t, err.Error(), root)

	require.Equal(t, "a10", text(t, m, "a", ""))
	require.Equal(t, "b1", text(t, m, "b", ""), "the highest that is ready")
	require.Equal(t, "b1", text(t, m, "b", "1"))
	require.ErrorIs(t, m.Load(t.Context(), "a"), ErrControlMode)
	require.ErrorIs(t, m.Unload(t.Context(), "a"), ErrControlMode)

	for _, c := range []struct {
		name, version string
		kind          Kind
		says          string
	}{
		{"a", "1", KindNotReady, "version_policy does not choose it"},
		{"a", "3", KindUnknownVersion, `model "a" has no version 3`},
		{"b", "2", KindNotReady, "not a model"},
		{"c", "", KindUnknownModel, "unknown model"},
		{"notes.txt", "", KindUnknownModel, "unknown model"},
		{"a", "01", KindInvalid, "model_version: must be"},
		{"a", "latest", KindInvalid, "model_version: must be"},
		{"a", "99999999999999999999", KindInvalid, "model_version: must be"},
	} {
		_, err := m.Acquire(c.name, c.version)
		require.Equal(t, c.kind, kindOf(t, err), "%s/%s", c.name, c.version)
		require.ErrorContains(t, err, c.says)
	}
}
