package memory

import (
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

func TestTheLeastLimitCounts(t *testing.T) {
	const total = "MemTotal:        8388608 kB\nMemFree: 1 kB\n"
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	for name, c := range map[string]struct {
		files fstest.MapFS
		want  int64
	}{
		"no groups": {fstest.MapFS{"proc/meminfo": file(total)}, 8 << 30},
		"nothing":   {fstest.MapFS{}, 0},
		"version 2, a container": {fstest.MapFS{
			"proc/meminfo": file(total), "proc/self/cgroup": file("0::/\n"), "sys/fs/cgroup/memory.max": file("2147483648\n"),
		}, 2 << 30},
		"version 2, without a limit": {fstest.MapFS{
			"proc/meminfo": file(total), "proc/self/cgroup": file("0::/\n"), "sys/fs/cgroup/memory.max": file("max\n"),
		}, 8 << 30},
		"version 2, of the group above": {fstest.MapFS{
			"proc/meminfo": file(total), "proc/self/cgroup": file("0::/system.slice/bedside.service\n"),
			"sys/fs/cgroup/system.slice/bedside.service/memory.max": file("4294967296\n"), "sys/fs/cgroup/system.slice/memory.max": file("1073741824"),
		}, 1 << 30},
		"version 1": {fstest.MapFS{
			"proc/meminfo": file(total), "proc/self/cgroup": file("5:cpu:/\n4:memory:/pod/x\n0::/\n"),
			"sys/fs/cgroup/memory/pod/x/memory.limit_in_bytes": file("3221225472\n"), "sys/fs/cgroup/memory/memory.limit_in_bytes": file("9223372036854771712\n"),
		}, 3 << 30},
	} {
		require.Equal(t, c.want, limit(c.files), name)
	}
	require.Positive(t, Limit())
	require.Positive(t, Resident())
	require.Less(t, Resident(), Limit())
}

func TestPressureComesAndGoes(t *testing.T) {
	p := NewPressure(1000)
	for _, c := range []struct {
		used int64
		high bool
	}{{0, false}, {899, false}, {900, true}, {870, true}, {849, false}, {870, false}, {2000, true}} {
		p.Note(c.used)
		require.Equal(t, c.high, p.High(), c.used)
	}
	none := NewPressure(0)
	none.Note(1 << 50)
	require.False(t, none.High())
	var missing *Pressure
	require.False(t, missing.High())
}
