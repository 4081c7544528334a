package modelconfig

import (
	inference "github.com/bedside-lm/bedside/proto/inference/v2"
	"github.com/bedside-lm/bedside/runtime/tensor"
)

var tensorTypes = map[inference.DataType]tensor.Type{
	inference.DataType_TYPE_BOOL: tensor.Bool, inference.DataType_TYPE_STRING: tensor.Bytes,
	inference.DataType_TYPE_UINT8: tensor.Uint8, inference.DataType_TYPE_UINT16: tensor.Uint16,
	inference.DataType_TYPE_UINT32: tensor.Uint32, inference.DataType_TYPE_UINT64: tensor.Uint64,
	inference.DataType_TYPE_INT8: tensor.Int8, inference.DataType_TYPE_INT16: tensor.Int16,
	inference.DataType_TYPE_INT32: tensor.Int32, inference.DataType_TYPE_INT64: tensor.Int64,
	inference.DataType_TYPE_FP16: tensor.FP16, inference.DataType_TYPE_BF16: tensor.BF16,
	inference.DataType_TYPE_FP32: tensor.FP32, inference.DataType_TYPE_FP64: tensor.FP64,
}

var dataTypes = func() map[tensor.Type]inference.DataType {
	m := make(map[tensor.Type]inference.DataType, len(tensorTypes))
	for d, t := range tensorTypes {
		m[t] = d
	}
	return m
}()

func knownType(d inference.DataType) bool { return tensorTypes[d].Valid() }

func elements(shape []int64) (int64, error) { return tensor.Elements(shape) }
