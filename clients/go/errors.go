package bedside

import (
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/status"
)

// Violation is one field of a request that the server turned down.
type Violation struct {
	// Field is the path of the field, such as "sampling.max_tokens" or
	// "Bundle.entry[3].resource.valueQuantity.value".
	Field string
	// Description says what is wrong and what is expected.
	Description string
}

// Violations lists what is wrong with the request that err answers: the field
// violations of google.rpc.BadRequest. It is empty for every other error.
func Violations(err error) []Violation {
	var all []Violation
	for _, detail := range details(err) {
		bad, ok := detail.(*errdetails.BadRequest)
		if !ok {
			continue
		}
		for _, v := range bad.GetFieldViolations() {
			all = append(all, Violation{Field: v.GetField(), Description: v.GetDescription()})
		}
	}
	return all
}

// RetryAfter is how long the server asks to wait before the request is made again
// (google.rpc.RetryInfo); false where err says nothing of it. The client has already
// waited and retried by itself where the call's deadline allowed for it.
func RetryAfter(err error) (time.Duration, bool) {
	for _, detail := range details(err) {
		if info, ok := detail.(*errdetails.RetryInfo); ok {
			return max(info.GetRetryDelay().AsDuration(), 0), true
		}
	}
	return 0, false
}

// Reason is the machine-readable cause of err, such as "QUEUE_FULL" (google.rpc.ErrorInfo),
// or "".
func Reason(err error) string {
	for _, detail := range details(err) {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			return info.GetReason()
		}
	}
	return ""
}

func details(err error) []any {
	if err == nil {
		return nil
	}
	s, _ := status.FromError(err)
	return s.Details()
}
