package cohort_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

var peakLine = regexp.MustCompile(`VmHWM:\s+(\d+) kB`)

// peak is the most memory that this process has had resident since forget, in MB; 0 where the
// system does not tell.
func peak() float64 {
	data, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	m := peakLine.FindSubmatch(data)
	if m == nil {
		return 0
	}
	kb, _ := strconv.ParseFloat(string(m[1]), 64)
	return kb * 1024 / 1e6
}

// forget begins the peak anew (proc(5), clear_refs).
func forget() {
	debug.FreeOSMemory()
	_ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0o600)
}

// BenchmarkCohort takes inputs that grow: rates should stay, and so should the peak of memory.
func BenchmarkCohort(b *testing.B) {
	for _, patients := range []int{100, 400, 1600} {
		const readings = 200
		b.Run(fmt.Sprint(patients), func(b *testing.B) {
			in := generate(patients, readings, 9).write(b)
			info, err := os.Stat(filepath.Join(in, "Observation.ndjson"))
			require.NoError(b, err)
			b.SetBytes(info.Size())
			forget()
			for b.Loop() {
				j := job(in, b.TempDir())
				j.BlockBytes, j.PartitionBytes = 0, 0
				run(b, j)
			}
			b.ReportMetric(float64(patients*readings*b.N)/b.Elapsed().Seconds(), "observations/s")
			b.ReportMetric(peak(), "peak-MB")
		})
	}
}
