package shield

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWhatMayBePrinted(t *testing.T) {
	const crash = `panic: parse "Zhang Sanfeng"
	goroutine 7 Zhang Sanfeng
	/Zhang/Sanfeng.go:7 [recovered, repanicked]

goroutine 41 [running]:
github.com/bedside-lm/bedside/server/engine.(*Engine).step(0xc000190000, {0x12ab60, 0xc0001a})
	github.com/bedside-lm/bedside/server/engine/engine.go:200 +0x1d4
github.com/bedside-lm/bedside/server/engine.parallel.func1()
	github.com/bedside-lm/bedside/server/engine/engine.go:290 +0x44
created by github.com/bedside-lm/bedside/server/engine.New in goroutine 1
	github.com/bedside-lm/bedside/server/engine/engine.go:100 +0x9c
exit Zhang Sanfeng
2026-11-27 04:00:00.0 [E:onnxruntime:, sequential_executor.cc:572 ExecuteKernel] Non-zero status: idx=918273645 Zhang Sanfeng
rax    0x676e61685a
`
	var out strings.Builder
	require.NoError(t, Filter(strings.NewReader(crash), &out))
	require.Equal(t, `panic (its text is kept back: it may quote a request)
goroutine 41 [running]:
github.com/bedside-lm/bedside/server/engine.(*Engine).step(...)
	github.com/bedside-lm/bedside/server/engine/engine.go:200 +0x1d4
github.com/bedside-lm/bedside/server/engine.parallel.func1(...)
	github.com/bedside-lm/bedside/server/engine/engine.go:290 +0x44
created by github.com/bedside-lm/bedside/server/engine.New in goroutine 1
	github.com/bedside-lm/bedside/server/engine/engine.go:100 +0x9c
[E:onnxruntime:, sequential_executor.cc:572 ExecuteKernel] (its text is kept back)
4 lines of standard error were kept back: they may quote a request
`, out.String())
}

func TestLinesThatSayWhatHappened(t *testing.T) {
	for _, line := range []string{
		"panic: runtime error: index out of range [5] with length 3", "panic: runtime error: invalid memory address or nil pointer dereference",
		"fatal error: concurrent map writes", "fatal error: all goroutines are asleep - deadlock",
		"[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x47b1c2]", "runtime: goroutine stack exceeds 1000000000-byte limit",
	} {
		out, ok := new(filter).pass(line)
		require.True(t, ok, line)
		require.Equal(t, line, out)
	}
}

// Whatever is written, no text but a name of a function, a place or a word of the runtime comes through.
func FuzzFilter(f *testing.F) {
	f.Add("panic: x\ngoroutine 1 [running]:\nmain.main()\n\t/main.go:3 +0x1\n")
	f.Add("main.Zhang(…)\n\tZhang.go:1")
	f.Fuzz(func(t *testing.T, text string) {
		var out strings.Builder
		require.NoError(t, Filter(strings.NewReader(strings.ReplaceAll(text, "\n", "\n\t")), &out)) // as a panic prints its text
		for line := range strings.Lines(out.String()) {
			first, _, _ := strings.Cut(text, "\n")
			if strings.TrimSpace(line) == strings.TrimSpace(first) {
				continue // what the runtime says of itself
			}
			require.NotRegexp(t, `^\t`, line, "a line of a panic's text")
		}
	})
}
