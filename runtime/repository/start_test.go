package repository

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestStart(t *testing.T) {
	root := t.TempDir()
	write(t, root, "a", "1", "model.onnx", "a")
	write(t, root, "b", "1", "model.onnx", "bad")
	write(t, root, "c", "1", "model.onnx", "c")
	for _, c := range []struct {
		name  string
		opt   Options
		fails Kind
		ready string
	}{
		{"nothing", Options{Mode: ModeExplicit}, 0, ""},
		{"by name", Options{Mode: ModeExplicit, Load: []string{"c"}}, 0, "c"},
		{"all", Options{Mode: ModeExplicit, Load: []string{"*"}}, KindLoadFailed, "ac"},
		{"an unknown one", Options{Mode: ModeExplicit, Load: []string{"a", "x"}}, KindUnknownModel, "a"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.opt.Roots = []string{root}
			m, _ := manager(t, c.opt)
			err := m.Start(t.Context())
			if c.fails == 0 {
				require.NoError(t, err)
			} else {
				require.Equal(t, c.fails, kindOf(t, err))
			}
			ready, listed := "", ""
			for _, s := range m.Index() {
				listed += s.Name
				if s.State == StateReady {
					ready += s.Name
				}
			}
			require.Equal(t, c.ready, ready)
			require.Equal(t, "abc", listed)
			require.Equal(t, KindInvalid, kindOf(t, m.Start(t.Context())), "once")
		})
	}
	m, _ := manager(t, Options{Roots: []string{filepath.Join(root, "nowhere")}})
	require.ErrorIs(t, m.Start(t.Context()), os.ErrNotExist)

	write(t, root, "hangs", "1", "model.onnx", "hang")
	m, _ = manager(t, Options{Roots: []string{root}})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		until(t, m, "hangs", 1, inState(StateLoading))
		cancel()
	}()
	require.ErrorIs(t, m.Start(ctx), context.Canceled)
}

func TestARootThatIsGone(t *testing.T) {
	m, _, root := explicit(t, nil)
	write(t, root, "m", "1", "model.onnx", "one")
	require.NoError(t, m.Load(t.Context(), "m"))
	require.NoError(t, os.Rename(root, root+".away"))
	err := m.Load(t.Context(), "m")
	require.Equal(t, KindLoadFailed, kindOf(t, err))
	require.ErrorIs(t, err, os.ErrNotExist)
	require.NotContains(t, err.Error(), filepath.Dir(root))
	require.Equal(t, "one", text(t, m, "m", ""))
	require.Len(t, m.Index(), 1, "what cannot be looked at is told as it was")
}

// Every caller may ask for the index: the disk is looked at once a second at most.
func TestIndexLooksNowAndThen(t *testing.T) {
	root := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		m, err := NewManager[*loaded](Options{Roots: []string{root}, Mode: ModeExplicit}, &testOps{})
		require.NoError(t, err)
		defer m.Close()
		require.NoError(t, m.Start(t.Context()))
		require.Empty(t, m.Index())
		write(t, root, "m", "1", "model.onnx", "one")
		require.Empty(t, m.Index())
		time.Sleep(time.Second)
		require.Len(t, m.Index(), 1)
	})
}

func TestOptionsAreChecked(t *testing.T) {
	root := t.TempDir()
	for field, opt := range map[string]Options{
		"roots":         {},
		"roots[1]":      {Roots: []string{root, root + "/."}},
		"mode":          {Roots: []string{root}, Mode: 9},
		"load":          {Roots: []string{root}, Load: []string{"a"}},
		"load ":         {Roots: []string{root}, Mode: ModeExplicit, Load: []string{"a", "*"}},
		"load  ":        {Roots: []string{root}, Mode: ModeExplicit, Load: []string{"../a"}},
		"poll_interval": {Roots: []string{root}, Mode: ModePoll},
		"parallel":      {Roots: []string{root}, Parallel: -1},
	} {
		_, err := NewManager[*loaded](opt, &testOps{})
		var e *ModelError
		require.ErrorAs(t, err, &e)
		require.Equal(t, KindInvalid, e.Kind)
		require.Equal(t, field[:len(e.Field)], e.Field)
	}
}
