package oip

import (
	"fmt"
	"math"
	"strings"
	"time"

	inference "github.com/bedside-lm/bedside/proto/inference/v2"
	"github.com/bedside-lm/bedside/server/apierror"
	"github.com/bedside-lm/bedside/server/infer"
)

// The request parameters that the protocol gives a meaning.
const (
	paramPriority      = "priority"
	paramTimeout       = "timeout"
	paramSequenceID    = "sequence_id"
	paramSequenceStart = "sequence_start"
	paramSequenceEnd   = "sequence_end"
	paramEmptyFinal    = "triton_enable_empty_final_response"
	paramFinal         = "triton_final_response" // of responses
	reservedPrefix     = "triton_"
)

// reserved are keys that speak of other transports; they are passed over.
var reserved = map[string]bool{"headers": true, "binary_data_output": true}

// applyParameters reads the protocol's parameters into r, and leaves it the caller's own.
func applyParameters(params map[string]*inference.InferParameter, r *infer.Request) error {
	for key, p := range params {
		var err error
		switch key {
		case paramPriority:
			var n uint64
			if n, err = whole(key, p, math.MaxInt32); err == nil {
				r.Priority = int(n)
			}
		case paramTimeout:
			var n uint64
			if n, err = whole(key, p, math.MaxInt64/uint64(time.Microsecond)); err == nil {
				r.Timeout = time.Duration(n) * time.Microsecond
			}
		case paramSequenceID, paramSequenceStart, paramSequenceEnd:
			err = noSequence(key, p)
		case paramEmptyFinal:
			r.EmptyFinal, err = boolean(key, p)
		default:
			err = custom(key, p, r)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// custom keeps a parameter of the caller's own.
func custom(key string, p *inference.InferParameter, r *infer.Request) error {
	switch {
	case strings.HasPrefix(key, reservedPrefix):
		return invalid("parameters", "holds a key that begins with %q; of these only %q is known", reservedPrefix, paramEmptyFinal)
	case p.GetParameterChoice() == nil:
		return invalid("parameters", "holds a key without a value")
	case reserved[key]:
		return nil
	}
	if r.Parameters == nil {
		r.Parameters = map[string]*inference.InferParameter{}
	}
	r.Parameters[key] = p
	return nil
}

// whole reads a number from 0 to limit, signed or not, as clients differ.
func whole(key string, p *inference.InferParameter, limit uint64) (uint64, error) {
	var n uint64
	switch v := p.GetParameterChoice().(type) {
	case *inference.InferParameter_Uint64Param:
		n = v.Uint64Param
	case *inference.InferParameter_Int64Param:
		if v.Int64Param < 0 {
			return 0, invalid(paramPath(key), "must not be negative")
		}
		n = uint64(v.Int64Param)
	default:
		return 0, invalid(paramPath(key), "must be an int64_param or a uint64_param")
	}
	if n > limit {
		return 0, invalid(paramPath(key), "must be at most %d", limit)
	}
	return n, nil
}

func boolean(key string, p *inference.InferParameter) (bool, error) {
	v, ok := p.GetParameterChoice().(*inference.InferParameter_BoolParam)
	if !ok {
		return false, invalid(paramPath(key), "must be a bool_param")
	}
	return v.BoolParam, nil
}

// noSequence refuses requests of a sequence. A value that says "no sequence" is what some clients always send.
func noSequence(key string, p *inference.InferParameter) error {
	none := false
	switch v := p.GetParameterChoice().(type) {
	case *inference.InferParameter_Int64Param:
		none = v.Int64Param == 0
	case *inference.InferParameter_Uint64Param:
		none = v.Uint64Param == 0
	case *inference.InferParameter_StringParam:
		none = v.StringParam == ""
	case *inference.InferParameter_BoolParam:
		none = !v.BoolParam && key != paramSequenceID
	}
	if none {
		return nil
	}
	return invalid(paramPath(key), "is not supported: no model here keeps state from one request to the next")
}

// checkTensorParameters refuses what a tensor's parameters may ask of Triton and cannot have here. Others have no
// meaning in gRPC and are passed over.
func checkTensorParameters(list string, i int, params map[string]*inference.InferParameter) error {
	for key := range params {
		path := func() string { return fmt.Sprintf("%s[%d].%s", list, i, paramPath(key)) }
		switch key {
		case "shared_memory_region", "shared_memory_offset", "shared_memory_byte_size":
			return invalid(path(), "is not supported: tensors travel in the message, not through shared memory")
		case "classification":
			return invalid(path(), "is not supported: ask for the output itself and take its largest elements")
		}
	}
	return nil
}

// paramPath is the path of a parameter whose key is known, never one of the caller's making.
func paramPath(key string) string { return fmt.Sprintf("parameters[%q]", key) }

func invalid(field, format string, args ...any) error {
	return &apierror.FieldError{Field: field, Message: fmt.Sprintf(format, args...)}
}
