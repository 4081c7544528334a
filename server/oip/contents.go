package oip

import (
	"fmt"
	"math"
	"strconv"

	inference "github.com/bedside-lm/bedside/proto/inference/v2"
	"github.com/bedside-lm/bedside/runtime/tensor"
)

// decodeInputs reads a request's tensors, from raw_input_contents where there are any, else from the inputs' contents.
// They share the message's memory where they can. Whether they fit the model is not looked at here.
func decodeInputs(req *inference.ModelInferRequest) ([]tensor.Tensor, error) {
	inputs, raw := req.GetInputs(), req.GetRawInputContents()
	if len(raw) > 0 && len(raw) != len(inputs) {
		return nil, invalid("raw_input_contents", "has %d entries for %d inputs: one each is needed, in the same order", len(raw), len(inputs))
	}
	out := make([]tensor.Tensor, len(inputs))
	for i, in := range inputs {
		t, ok := tensor.ParseType(in.GetDatatype())
		if !ok {
			return nil, invalid(inputPath(i, "datatype"), "is none of the protocol's data types (BOOL, UINT8 ... FP64, BYTES)")
		}
		n, err := tensor.Elements(in.GetShape())
		if err != nil {
			return nil, invalid(inputPath(i, "shape"), "no dimension may be negative, nor their product beyond 64 bits")
		}
		out[i] = tensor.Tensor{Name: in.GetName(), Type: t, Shape: in.GetShape()}
		switch {
		case len(raw) == 0:
			err = setContents(&out[i], i, n, in.GetContents())
		case in.Contents != nil:
			err = invalid(inputPath(i, "contents"), "must not be set where raw_input_contents is: a request's tensors come one way or the other")
		default:
			err = setRaw(&out[i], i, n, raw[i])
		}
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

func inputPath(i int, field string) string {
	return "inputs[" + strconv.Itoa(i) + "]." + field
}

// setRaw takes a tensor's elements as little-endian bytes; those of BYTES with their lengths before them.
func setRaw(t *tensor.Tensor, i int, n int64, data []byte) error {
	path := "raw_input_contents[" + strconv.Itoa(i) + "]"
	if t.Type == tensor.Bytes {
		elements, err := tensor.DecodeBytes(data, n)
		if err != nil {
			return invalid(path, "does not hold the %d elements that inputs[%d].shape says, each after its length in 4 bytes", n, i)
		}
		t.Strings = elements
		return nil
	}
	size := int64(t.Type.Size())
	if n > math.MaxInt64/size || int64(len(data)) != n*size {
		return invalid(path, "has %d bytes, which is not the %d elements of %s that inputs[%d].shape says", len(data), n, t.Type, i)
	}
	if data == nil {
		data = []byte{}
	}
	t.Data = data
	return nil
}

// contentFields are the fields of InferTensorContents with the types that travel in them.
var contentFields = []struct {
	name  string
	len   func(*inference.InferTensorContents) int
	types []tensor.Type
}{
	{"bool_contents", func(c *inference.InferTensorContents) int { return len(c.GetBoolContents()) }, []tensor.Type{tensor.Bool}},
	{"int_contents", func(c *inference.InferTensorContents) int { return len(c.GetIntContents()) }, []tensor.Type{tensor.Int8, tensor.Int16, tensor.Int32}},
	{"int64_contents", func(c *inference.InferTensorContents) int { return len(c.GetInt64Contents()) }, []tensor.Type{tensor.Int64}},
	{"uint_contents", func(c *inference.InferTensorContents) int { return len(c.GetUintContents()) }, []tensor.Type{tensor.Uint8, tensor.Uint16, tensor.Uint32}},
	{"uint64_contents", func(c *inference.InferTensorContents) int { return len(c.GetUint64Contents()) }, []tensor.Type{tensor.Uint64}},
	{"fp32_contents", func(c *inference.InferTensorContents) int { return len(c.GetFp32Contents()) }, []tensor.Type{tensor.FP32}},
	{"fp64_contents", func(c *inference.InferTensorContents) int { return len(c.GetFp64Contents()) }, []tensor.Type{tensor.FP64}},
	{"bytes_contents", func(c *inference.InferTensorContents) int { return len(c.GetBytesContents()) }, []tensor.Type{tensor.Bytes}},
}

// setContents takes a tensor's elements from the field of its type, and sees to it that no other field holds any.
func setContents(t *tensor.Tensor, i int, n int64, c *inference.InferTensorContents) error {
	home := ""
	for _, f := range contentFields {
		have := f.len(c)
		if !contains(f.types, t.Type) {
			if have > 0 {
				return invalid(inputPath(i, "contents."+f.name), "is not where elements of %s travel", t.Type)
			}
			continue
		}
		home = "contents." + f.name
		if int64(have) != n {
			return invalid(inputPath(i, home), "has %d elements, but the shape has %d", have, n)
		}
	}
	if home == "" { // FP16, BF16
		if n > 0 {
			return invalid(inputPath(i, "contents"), "cannot hold %s, which travels in raw_input_contents alone", t.Type)
		}
		t.Data = []byte{}
		return nil
	}
	return fill(t, inputPath(i, home), c)
}

func contains(types []tensor.Type, t tensor.Type) bool {
	for _, have := range types {
		if have == t {
			return true
		}
	}
	return false
}

// fill sets the elements; that there are as many as the shape says is known.
func fill(t *tensor.Tensor, path string, c *inference.InferTensorContents) (err error) {
	switch t.Type {
	case tensor.Bytes:
		t.Strings = c.GetBytesContents()
	case tensor.Bool:
		t.Data = bytesOf(c.GetBoolContents())
	case tensor.Int8:
		t.Data, err = narrow[int8](path, c.GetIntContents())
	case tensor.Int16:
		t.Data, err = narrow[int16](path, c.GetIntContents())
	case tensor.Int32:
		t.Data = bytesOf(c.GetIntContents())
	case tensor.Int64:
		t.Data = bytesOf(c.GetInt64Contents())
	case tensor.Uint8:
		t.Data, err = narrow[uint8](path, c.GetUintContents())
	case tensor.Uint16:
		t.Data, err = narrow[uint16](path, c.GetUintContents())
	case tensor.Uint32:
		t.Data = bytesOf(c.GetUintContents())
	case tensor.Uint64:
		t.Data = bytesOf(c.GetUint64Contents())
	case tensor.FP32:
		t.Data = bytesOf(c.GetFp32Contents())
	case tensor.FP64:
		t.Data = bytesOf(c.GetFp64Contents())
	default:
		return fmt.Errorf("oip: %s has no field of InferTensorContents", t.Type)
	}
	return err
}

// bytesOf gives values as a tensor's bytes, sharing their memory.
func bytesOf[T tensor.Value](values []T) []byte { return tensor.New("", nil, values).Data }

// narrow takes 32-bit values down to the type of the tensor; one that does not fit is refused, not cut.
func narrow[To int8 | int16 | uint8 | uint16, From int32 | uint32](path string, values []From) ([]byte, error) {
	out := make([]To, len(values))
	for i, v := range values {
		out[i] = To(v)
		if From(out[i]) != v {
			return nil, invalid(path, "element %d is out of the range of %s", i, tensor.TypeOf[To]())
		}
	}
	return bytesOf(out), nil
}
