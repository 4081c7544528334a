package audit

import (
	"errors"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// faulty is a file that fails when it is told to.
type faulty struct {
	file
	write, sync, truncate *atomic.Bool
	syncs                 *atomic.Int64
}

func (f faulty) Write(p []byte) (int, error) {
	if f.write.Load() {
		n, err := f.file.Write(p[:len(p)/2])
		return n, errors.Join(err, syscall.ENOSPC)
	}
	return f.file.Write(p)
}

func (f faulty) Sync() error {
	f.syncs.Add(1)
	if f.sync.Load() {
		return syscall.EIO
	}
	return f.file.Sync()
}

func (f faulty) Truncate(n int64) error {
	if f.truncate.Load() {
		return syscall.EROFS
	}
	return f.file.Truncate(n)
}

func TestFullDisk(t *testing.T) {
	for _, rotating := range []int64{1 << 20, 300} {
		var write, sync, truncate atomic.Bool
		var syncs atomic.Int64
		dir := t.TempDir()
		l := openLog(t, Options{Dir: dir, MaxBytes: rotating, open: func(path string) (file, error) {
			f, err := openFile(path)
			return faulty{f, &write, &sync, &truncate, &syncs}, err
		}})
		n := 0
		attempt := func() error { n++; return l.Append(call(n)) }
		require.NoError(t, attempt())
		for _, fault := range [][]*atomic.Bool{{&write}, {&sync}, {&write, &truncate}, {&sync, &truncate}, {&truncate}} {
			for _, f := range fault {
				f.Store(true)
			}
			if err := attempt(); fault[0] != &truncate {
				var e *Error
				require.ErrorAs(t, err, &e)
				require.Error(t, l.Ready(), "nothing is begun meanwhile")
				require.Error(t, attempt())
			}
			for _, f := range fault {
				f.Store(false)
			}
			require.NoError(t, l.Ready())
			require.NoError(t, attempt())
		}
		require.NoError(t, l.Close())
		verified(t, dir)
	}
}

// What comes at the same time goes to the disk together.
func TestGroupCommit(t *testing.T) {
	var no atomic.Bool
	var syncs atomic.Int64
	dir := t.TempDir()
	l := openLog(t, Options{Dir: dir, open: func(path string) (file, error) {
		f, err := openFile(path)
		return faulty{f, &no, &no, &no, &syncs}, err
	}})
	const callers, each = 64, 10
	var wg sync.WaitGroup
	for c := range callers {
		wg.Go(func() {
			for i := range each {
				if err := l.Append(call(c*each + i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	require.NoError(t, l.Close())
	require.Less(t, syncs.Load(), int64(callers*each/2))
	seen := map[string]bool{}
	for _, r := range records(t, dir) {
		if r.Event == EventCall {
			seen[r.Method] = true
		}
	}
	require.Len(t, seen, callers*each)
	verified(t, dir)
}
