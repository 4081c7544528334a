package interceptor

import (
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"
)

const errorDomain = "bedside"

// A status travels as a header, base64, and some clients refuse more than 8 KiB of headers.
const (
	maxViolations     = 20
	maxViolationBytes = 4096 // all of them together
	maxFieldBytes     = 200
	maxTextBytes      = 400
)

// answer is what a caller is told about an error: a google.rpc.Status with an ErrorInfo, and
// a BadRequest and a RetryInfo where they apply.
type answer struct {
	passed *status.Status // sent on as it is, but for the ErrorInfo

	code     codes.Code
	reason   string
	message  string // by default the first violation
	metadata map[string]string
	retry    time.Duration

	violations []*errdetails.BadRequest_FieldViolation
	bytes      int
	leftOut    int
}

// violate adds a violation, or counts it where there are enough.
func (a *answer) violate(field, description string) {
	field, description = clip(field, maxFieldBytes), clip(description, maxTextBytes)
	size := len(field) + len(description)
	if len(a.violations) >= maxViolations || a.bytes+size > maxViolationBytes {
		a.leftOut++
		return
	}
	a.bytes += size
	a.violations = append(a.violations, &errdetails.BadRequest_FieldViolation{Field: field, Description: description})
}

func (a *answer) status() *status.Status {
	if a.passed != nil {
		return a.explained()
	}
	details := []protoadapt.MessageV1{a.info()}
	if len(a.violations) > 0 {
		details = append(details, &errdetails.BadRequest{FieldViolations: a.violations})
	}
	if a.retry > 0 {
		details = append(details, &errdetails.RetryInfo{RetryDelay: durationpb.New(a.retry)})
	}
	return withDetails(status.New(a.code, clip(a.text(), maxTextBytes)), details...)
}

// explained adds an ErrorInfo to a passed status that has none.
func (a *answer) explained() *status.Status {
	for _, d := range a.passed.Details() {
		if _, ok := d.(*errdetails.ErrorInfo); ok {
			return a.passed
		}
	}
	return withDetails(a.passed, &errdetails.ErrorInfo{Reason: codeName(a.code), Domain: errorDomain})
}

func (a *answer) info() *errdetails.ErrorInfo {
	info := &errdetails.ErrorInfo{Reason: a.reason, Domain: errorDomain, Metadata: maps.Clone(a.metadata)}
	if a.leftOut > 0 {
		if info.Metadata == nil {
			info.Metadata = map[string]string{}
		}
		info.Metadata["violations_left_out"] = strconv.Itoa(a.leftOut)
	}
	return info
}

// text is the status's message: for people, who may see nothing but it.
func (a *answer) text() string {
	if a.message != "" || len(a.violations) == 0 {
		return a.message
	}
	first := a.violations[0]
	text := first.GetField() + ": " + first.GetDescription()
	if more := len(a.violations) - 1 + a.leftOut; more > 0 {
		text += fmt.Sprintf(" (and %d more)", more)
	}
	return text
}

// withDetails falls back to the bare status: details cannot be added only where the code
// is OK or a message cannot be marshalled, and then the code still matters.
func withDetails(s *status.Status, details ...protoadapt.MessageV1) *status.Status {
	if detailed, err := s.WithDetails(details...); err == nil {
		return detailed
	}
	return s
}

// clip shortens s to at most limit bytes of whole characters; all that is sent is valid UTF-8.
func clip(s string, limit int) string {
	if len(s) > limit {
		s = s[:limit-len("…")] + "…"
	}
	return strings.ToValidUTF8(s, "")
}

// codeName is a code as the specification writes it, such as "INVALID_ARGUMENT".
func codeName(c codes.Code) string {
	if name, ok := code.Code_name[int32(c)]; ok {
		return name
	}
	return c.String()
}
