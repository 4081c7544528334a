package tensor

import "fmt"

// Type is the type of a tensor's elements. Its zero value is no type.
type Type uint8

// The types, in the order in which the Open Inference Protocol lists them.
const (
	Bool Type = iota + 1
	Uint8
	Uint16
	Uint32
	Uint64
	Int8
	Int16
	Int32
	Int64
	FP16
	BF16
	FP32
	FP64
	Bytes // byte strings of any length
)

var types = [...]struct {
	name string
	size int
}{
	Bool: {"BOOL", 1}, Uint8: {"UINT8", 1}, Uint16: {"UINT16", 2}, Uint32: {"UINT32", 4}, Uint64: {"UINT64", 8},
	Int8: {"INT8", 1}, Int16: {"INT16", 2}, Int32: {"INT32", 4}, Int64: {"INT64", 8},
	FP16: {"FP16", 2}, BF16: {"BF16", 2}, FP32: {"FP32", 4}, FP64: {"FP64", 8}, Bytes: {"BYTES", 0},
}

// Types returns every type.
func Types() []Type {
	all := make([]Type, 0, len(types))
	for t := Bool; t.Valid(); t++ {
		all = append(all, t)
	}
	return all
}

// ParseType finds a type by its name in the Open Inference Protocol, such as "FP32".
func ParseType(name string) (Type, bool) {
	for t := Bool; t.Valid(); t++ {
		if types[t].name == name {
			return t, true
		}
	}
	return 0, false
}

// Valid says whether t is one of the types.
func (t Type) Valid() bool { return t >= Bool && int(t) < len(types) }

// String returns the type's name in the Open Inference Protocol.
func (t Type) String() string {
	if !t.Valid() {
		return fmt.Sprintf("type(%d)", uint8(t))
	}
	return types[t].name
}

// Size returns the bytes of one element, 0 for Bytes.
func (t Type) Size() int {
	if !t.Valid() {
		return 0
	}
	return types[t].size
}
