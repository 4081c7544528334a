package interceptor_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func TestPanic(t *testing.T) {
	for name, c := range map[string]struct {
		panics func()
		value  string
	}{
		"of text":    {func() { panic(canary) }, "string"},
		"of error":   {func() { panic(fmt.Errorf("on %s", canary)) }, `^\*(errors|fmt)\.\w+$`},
		"of runtime": {func() { explode([]string{canary}, len(canary)) }, `^runtime\.boundsError: runtime error: index out of range \[36\] with length 1$`},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, func(context.Context) error { c.panics(); return nil })
			_, unary := s.generation.Generate(deadline(t), prompt())
			for _, err := range []error{unary, s.stream(deadline(t), prompt())} {
				require.Equal(t, codes.Internal, status.Code(err))
				require.Equal(t, "INTERNAL", detail[*errdetails.ErrorInfo](t, err).GetReason())
				require.Regexp(t, `^internal error [0-9a-f]{16}: `, status.Convert(err).Message())
			}
			panics := s.lines(t, "panic")
			require.Len(t, panics, 2)
			require.Regexp(t, c.value, panics[0]["value"])
			stack := fmt.Sprint(panics[0]["stack"].([]any)...)
			require.Contains(t, stack, "interceptor_test.TestPanic")
			require.Contains(t, stack, "recovery_test.go:")
			require.NotContains(t, stack, "0x")
			require.NotContains(t, stack, "recoverFrom", "the recovery's own frames")
			require.Equal(t, panics[0]["error_id"], s.lines(t, "call")[0]["error_id"])
			require.NotContains(t, s.log.String(), "Zhang")
			require.InDelta(t, 2, s.family(t, "bedside_panics_total")[0].GetCounter().GetValue(), 0)
		})
	}
}

//go:noinline
func explode(s []string, i int) string { return s[i] }
