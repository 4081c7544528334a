package repository

import (
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

const interval = 10 * time.Second

// polling starts a manager inside a bubble and returns how to let one interval pass, with all that it brings about.
func polling(t *testing.T, opt Options) (m *Manager[*loaded], ops *testOps, tick func()) {
	t.Helper()
	opt.Mode, opt.PollInterval = ModePoll, interval
	ops = &testOps{gate: make(chan struct{})}
	m, err := NewManager[*loaded](opt, ops)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, m.Close())
		for _, l := range ops.all() {
			require.EqualValues(t, 1, l.closed.Load())
		}
	})
	return m, ops, func() {
		time.Sleep(interval)
		synctest.Wait()
	}
}

func TestPollFollowsTheFolders(t *testing.T) {
	root := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		write(t, root, "m", "1", "model.onnx", "one")
		write(t, root, "still", "1", "model.onnx", "still")
		m, ops, tick := polling(t, Options{Roots: []string{root}})
		require.NoError(t, m.Start(t.Context()))
		tick()
		tick()
		require.Len(t, ops.all(), 2, "nothing changed")

		// A new version takes over once it has looked the same for an interval.
		write(t, root, "m", "2", "model.onnx", "tw")
		tick()
		require.Equal(t, "one", text(t, m, "m", ""), "seen for the first time")
		write(t, root, "m", "2", "model.onnx", "two")
		tick()
		require.Equal(t, "one", text(t, m, "m", ""), "still being written")
		tick()
		require.Equal(t, "two", text(t, m, "m", ""))
		_, err := m.Acquire("m", "1")
		require.ErrorContains(t, err, "version_policy does not choose it")

		// A broken change leaves what serves, and is not tried again and again.
		write(t, root, "m", "2", "model.onnx", "bad file")
		tick()
		tick()
		require.Equal(t, "two", text(t, m, "m", ""))
		require.Contains(t, status(t, m, "m", 2).Reason, "not a model")
		before := len(ops.all())
		tick()
		tick()
		require.Len(t, ops.all(), before)
		write(t, root, "m", "2", "model.onnx", "two again")
		tick()
		tick()
		require.Equal(t, "two again", text(t, m, "m", ""))
		require.Empty(t, status(t, m, "m", 2).Reason)

		// The configuration counts as well, and versions that it does not touch are not loaded anew.
		before = len(ops.all())
		write(t, root, "m", "1", "notes.txt", "no change to what serves")
		tick()
		tick()
		require.Len(t, ops.all(), before)

		// What is gone for an interval is unloaded; a new model is loaded.
		require.NoError(t, os.Rename(filepath.Join(root, "m"), filepath.Join(root, "n")))
		tick()
		require.Equal(t, "two again", text(t, m, "m", ""))
		tick()
		_, err = m.Acquire("m", "")
		require.Equal(t, KindUnknownModel, kindOf(t, err))
		require.Equal(t, "two again", text(t, m, "n", ""))
		require.Equal(t, "still", text(t, m, "still", ""))
		require.EqualValues(t, 0, ops.all()[0].closed.Load()+ops.all()[1].closed.Load()-1, "of the first two, one is still open")
	})
}

func TestPollReplacesAFolderWithoutAGap(t *testing.T) {
	root := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		write(t, root, "m", "1", "model.onnx", "one")
		m, _, tick := polling(t, Options{Roots: []string{root}})
		require.NoError(t, m.Start(t.Context()))
		tick()
		// Gone at one look and back at the next, as while a folder is copied over.
		require.NoError(t, os.RemoveAll(filepath.Join(root, "m")))
		tick()
		require.Equal(t, "one", text(t, m, "m", ""))
		write(t, root, "m", "1", "model.onnx", "other")
		tick()
		require.Equal(t, "one", text(t, m, "m", ""))
		tick()
		require.Equal(t, "other", text(t, m, "m", ""))
	})
}

func TestPollOutlivesErrors(t *testing.T) {
	root := filepath.Join(t.TempDir(), "models")
	synctest.Test(t, func(t *testing.T) {
		write(t, root, "m", "1", "model.onnx", "one")
		var told atomic.Int32
		m, ops, tick := polling(t, Options{Roots: []string{root}, OnPollError: func(err error) {
			if errors.Is(err, os.ErrNotExist) {
				told.Add(1)
			}
		}})
		require.NoError(t, m.Start(t.Context()))
		require.NoError(t, os.Rename(root, root+".away"))
		tick()
		tick()
		tick()
		require.EqualValues(t, 3, told.Load())
		require.Equal(t, "one", text(t, m, "m", ""), "a root that is not there says nothing about its models")
		require.NoError(t, os.Rename(root+".away", root))
		tick()
		tick()
		require.Equal(t, "one", text(t, m, "m", ""))
		require.Len(t, ops.all(), 1)
	})
}

func TestPollRefusesANameInTwoRoots(t *testing.T) {
	one, two := t.TempDir(), t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		write(t, one, "m", "1", "model.onnx", "one")
		write(t, two, "n", "1", "model.onnx", "n")
		m, _, tick := polling(t, Options{Roots: []string{one, two}})
		require.NoError(t, m.Start(t.Context()))
		write(t, two, "m", "1", "model.onnx", "two")
		tick()
		tick()
		require.Equal(t, "one", text(t, m, "m", ""), "what serves goes on")
		require.Contains(t, status(t, m, "m", 1).Reason, "2 repositories have a model of this name")
		require.NoError(t, os.RemoveAll(filepath.Join(one, "m")))
		tick()
		tick()
		require.Equal(t, "two", text(t, m, "m", ""))
		require.Empty(t, status(t, m, "m", 1).Reason)
	})
}

func TestPollKeepsLookingWhileAModelLoads(t *testing.T) {
	root := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		m, _, tick := polling(t, Options{Roots: []string{root}})
		require.NoError(t, m.Start(t.Context()))
		write(t, root, "slow", "1", "model.onnx", "hang")
		tick()
		tick()
		require.Equal(t, StateLoading, status(t, m, "slow", 1).State)
		write(t, root, "quick", "1", "model.onnx", "quick")
		tick()
		tick()
		require.Equal(t, "quick", text(t, m, "quick", ""))
	})
}
