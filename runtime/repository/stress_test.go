package repository

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// Callers that come at any moment of 200 reloads always find a model that is open, and keep it open while they use it.
func TestReloadsUnderLoad(t *testing.T) {
	m, ops, root := explicit(t, nil)
	write(t, root, "m", "1", "model.onnx", "m")
	write(t, root, "m", ConfigName, "all")
	write(t, root, "m", "2", "model.onnx", "m2")
	require.NoError(t, m.Load(t.Context(), "m"))

	ctx, stop := context.WithCancel(t.Context())
	var callers sync.WaitGroup
	var served, refused, closedInUse atomic.Int64
	for i := range 6 {
		callers.Go(func() {
			version := []string{"", "1", "2"}[i%3]
			for ctx.Err() == nil {
				h, err := m.Acquire("m", version)
				if err != nil {
					refused.Add(1)
					continue
				}
				if h.Model().closed.Load() != 0 {
					closedInUse.Add(1)
				}
				runtime.Gosched()
				h.Release()
				served.Add(1)
				runtime.Gosched() // the reloads are to get on as well
			}
		})
	}
	const reloads = 200
	for range reloads {
		require.NoError(t, m.Load(t.Context(), "m"))
	}
	stop()
	callers.Wait()
	require.Zero(t, refused.Load())
	require.Zero(t, closedInUse.Load())
	require.Positive(t, served.Load())
	require.NoError(t, m.Close())
	require.Len(t, ops.all(), 2*(reloads+1))
	for _, l := range ops.all() {
		require.EqualValues(t, 1, l.closed.Load())
	}
}

// Everything at once: whatever the order, every instance is closed once, and in the end what was asked for last serves.
func TestEverythingAtOnce(t *testing.T) {
	m, ops, root := explicit(t, nil)
	names := []string{"a", "b", "c"}
	for _, name := range names {
		write(t, root, name, "1", "model.onnx", name)
	}
	var workers sync.WaitGroup
	for w := range 6 {
		workers.Go(func() {
			r := rand.New(rand.NewPCG(uint64(w), 1))
			for range 60 {
				name := names[r.IntN(len(names))]
				ctx, cancel := context.WithCancel(t.Context())
				switch r.IntN(6) {
				case 0:
					_ = m.Load(ctx, name)
				case 1:
					_ = m.Unload(ctx, name)
				case 2:
					go cancel()
					_ = m.Load(ctx, name)
				case 3:
					m.Index()
				default:
					if h, err := m.Acquire(name, ""); err == nil {
						if h.Model().text != name || h.Model().closed.Load() != 0 {
							t.Errorf("%s: got %q, closed %d times", name, h.Model().text, h.Model().closed.Load())
						}
						h.Release()
					}
				}
				cancel()
			}
		})
	}
	workers.Wait()
	for _, name := range names {
		require.NoError(t, m.Load(t.Context(), name))
		require.Equal(t, name, text(t, m, name, ""))
		require.NoError(t, m.Unload(t.Context(), name))
	}
	for _, l := range ops.all() {
		require.EqualValues(t, 1, l.closed.Load())
	}
	require.NoError(t, m.Close())
}

// A manager does what a plain list of rules says, for any sequence of changes on disk, loads and unloads.
func TestManagerAgainstRules(t *testing.T) {
	base := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		root, err := os.MkdirTemp(base, "")
		require.NoError(t, err)
		ops := &testOps{}
		m, err := NewManager[*loaded](Options{Roots: []string{root}, Mode: ModeExplicit}, ops)
		require.NoError(t, err)
		m.lookAgain = 0
		defer m.Close()
		require.NoError(t, m.Start(context.Background()))
		file := filepath.Join(root, "m", "1", "model.onnx")
		disk, serving := "", "" // what is there; "" is nothing
		check := func() {
			h, err := m.Acquire("m", "")
			if serving == "" {
				require.Error(t, err)
			} else {
				require.NoError(t, err)
				require.Equal(t, serving, h.Model().text)
				h.Release()
			}
			index := m.Index()
			if disk == "" && serving == "" {
				require.Empty(t, index)
				return
			}
			require.Len(t, index, 1)
			require.Equal(t, serving != "", index[0].State == StateReady)
		}
		steps := rapid.SliceOfN(rapid.SampledFrom([]string{"one", "two", "bad", "panic", "remove", "load", "load", "unload"}), 1, 12)
		for _, step := range steps.Draw(t, "steps") {
			switch step {
			case "remove":
				require.NoError(t, os.RemoveAll(filepath.Join(root, "m")))
				disk = ""
			case "load":
				err := m.Load(context.Background(), "m")
				require.Equal(t, disk == "one" || disk == "two", err == nil, "%q: %v", disk, err)
				if err == nil {
					serving = disk
				}
			case "unload":
				if err := m.Unload(context.Background(), "m"); err != nil {
					require.Empty(t, serving)
				}
				serving = ""
			default:
				disk = step
				require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o700))
				require.NoError(t, os.WriteFile(file, []byte(disk), 0o600))
			}
			check()
		}
	})
}

func BenchmarkAcquire(b *testing.B) {
	root := b.TempDir()
	for _, name := range []string{"a", "b", "c"} {
		require.NoError(b, os.MkdirAll(filepath.Join(root, name, "1"), 0o700))
		require.NoError(b, os.WriteFile(filepath.Join(root, name, "1", "model.onnx"), []byte(name), 0o600))
	}
	m, err := NewManager[*loaded](Options{Roots: []string{root}}, &testOps{})
	require.NoError(b, err)
	require.NoError(b, m.Start(b.Context()))
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			h, err := m.Acquire("b", "")
			if err != nil {
				b.Error(err)
				return
			}
			h.Release()
		}
	})
	require.NoError(b, m.Close())
}
