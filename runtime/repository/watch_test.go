package repository

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWatchTellsStatesAndChanges(t *testing.T) {
	m, _, root := explicit(t, nil)
	write(t, root, "a", "1", "model.onnx", "a")
	write(t, root, "b", "1", "model.onnx", "bad")
	require.NoError(t, m.Load(t.Context(), "a"))
	m.Index()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	seen := make(chan string)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for s := range m.Watch(ctx) {
			seen <- fmt.Sprintf("%s/%d %v %s", s.Name, s.Version, s.State, s.Reason)
		}
	}()
	require.Equal(t, "a/1 READY ", <-seen)
	require.Equal(t, "b/1 UNAVAILABLE not loaded", <-seen)

	// While nobody listens, changes of one version become one.
	require.Error(t, m.Load(t.Context(), "b"))
	require.NoError(t, m.Unload(t.Context(), "a"))
	require.NoError(t, m.Load(t.Context(), "a"))
	last := map[string]string{}
	for len(last) < 2 || last["a"] != "a/1 READY " {
		s := <-seen
		last[s[:1]] = s
	}
	require.Equal(t, "b/1 UNAVAILABLE not a model: b/1/model.onnx", last["b"])

	require.NoError(t, m.Unload(t.Context(), "b"))
	require.NoError(t, os.RemoveAll(filepath.Join(root, "b")))
	m.Index()
	require.Equal(t, "b/1 UNAVAILABLE its folder is gone", <-seen)
	cancel()
	<-ended
	require.Empty(t, m.watchers)
}

func TestWatchEndsWithTheManager(t *testing.T) {
	m, _, root := explicit(t, nil)
	write(t, root, "a", "1", "model.onnx", "a")
	require.NoError(t, m.Load(t.Context(), "a"))
	go func() {
		for range m.Watch(t.Context()) {
			go func() { _ = m.Close() }()
		}
	}()
	for range m.Watch(t.Context()) { // returns by itself
	}
	for range m.Watch(t.Context()) {
		break
	}
	require.NoError(t, m.Close())
}

func TestASlowWatcherHoldsUpNobody(t *testing.T) {
	m, _, root := explicit(t, nil)
	write(t, root, "a", "1", "model.onnx", "a")
	m.Index()
	stopped := false
	for s := range m.Watch(t.Context()) {
		if !stopped {
			stopped = true
			for range 50 {
				require.NoError(t, m.Load(t.Context(), "a"))
				require.NoError(t, m.Unload(t.Context(), "a"))
			}
			for w := range m.watchers {
				require.Len(t, w.order, 1, "one version, one state")
			}
			continue
		}
		require.Equal(t, "unloaded", s.Reason, "the latest")
		break
	}
}
