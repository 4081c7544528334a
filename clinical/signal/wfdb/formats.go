package wfdb

import (
	"encoding/binary"
	"fmt"

	"github.com/bedside-lm/bedside/clinical/record"
)

// format is a signal format of signal(5).
type format struct {
	// group samples are packed into width bytes.
	group, width int
	// reach is how many bytes the first samples of a group take, by their number.
	reach   [3]int
	invalid int32 // the sample that stands for none
	// unpack gives the samples of one group. It may read all of its width bytes.
	unpack func(b []byte, out []int32)
}

var formats = map[int]format{
	8:   {1, 1, [3]int{}, 0, func(b []byte, out []int32) { out[0] = int32(int8(b[0])) }},
	16:  {1, 2, [3]int{}, -1 << 15, func(b []byte, out []int32) { out[0] = int32(int16(binary.LittleEndian.Uint16(b))) }},
	24:  {1, 3, [3]int{}, -1 << 23, func(b []byte, out []int32) { out[0] = int32(b[0]) | int32(b[1])<<8 | int32(int8(b[2]))<<16 }},
	32:  {1, 4, [3]int{}, -1 << 31, func(b []byte, out []int32) { out[0] = int32(binary.LittleEndian.Uint32(b)) }},
	61:  {1, 2, [3]int{}, -1 << 15, func(b []byte, out []int32) { out[0] = int32(int16(binary.BigEndian.Uint16(b))) }},
	80:  {1, 1, [3]int{}, -1 << 7, func(b []byte, out []int32) { out[0] = int32(b[0]) - 1<<7 }},
	160: {1, 2, [3]int{}, -1 << 15, func(b []byte, out []int32) { out[0] = int32(binary.LittleEndian.Uint16(b)) - 1<<15 }},
	212: {2, 3, [3]int{0, 2}, -1 << 11, func(b []byte, out []int32) {
		out[0] = signed(uint32(b[0])|uint32(b[1]&0x0f)<<8, 12)
		out[1] = signed(uint32(b[2])|uint32(b[1]&0xf0)<<4, 12)
	}},
	// Of each 16 bits, the lowest is not used; the third sample is in the highest five of both.
	310: {3, 4, [3]int{0, 2, 4}, -1 << 9, func(b []byte, out []int32) {
		x, y := uint32(binary.LittleEndian.Uint16(b)), uint32(binary.LittleEndian.Uint16(b[2:]))
		out[0], out[1], out[2] = signed(x>>1, 10), signed(y>>1, 10), signed(x>>11|y>>11<<5, 10)
	}},
	311: {3, 4, [3]int{0, 2, 3}, -1 << 9, func(b []byte, out []int32) {
		x := binary.LittleEndian.Uint32(b)
		out[0], out[1], out[2] = signed(x, 10), signed(x>>10, 10), signed(x>>20, 10)
	}},
}

// signed reads the lowest bits of v as a number in two's complement.
func signed(v uint32, bits int) int32 { return int32(v<<(32-bits)) >> (32 - bits) }

// bytes is how many bytes hold n samples. Of a last group that is not full, packers write
// only the bytes that its samples reach into.
func (f format) bytes(n int64) int64 {
	return n/int64(f.group)*int64(f.width) + int64(f.reach[n%int64(f.group)])
}

// samples is how many samples n bytes hold.
func (f format) samples(n int64) int64 {
	whole, rest := n/int64(f.width), n%int64(f.width)
	out := whole * int64(f.group)
	for i := f.group - 1; i > 0; i-- {
		if int64(f.reach[i]) <= rest {
			return out + int64(i)
		}
	}
	return out
}

// decode unpacks a signal file: perFrame samples a frame, frames of them, or, where frames is
// 0, as many as there are.
func decode(path string, s *signalLine, data []byte, perFrame int, frames int64, lim Limits) ([]int32, error) {
	f := formats[s.format]
	data = data[min(s.offset, int64(len(data))):]
	there := f.samples(int64(len(data))) / int64(perFrame)
	if frames == 0 {
		frames = there
	}
	if there < frames {
		return nil, invalid(path, fmt.Sprintf("the header announces %d samples, the file holds %d", frames, there))
	}
	n := int(frames) * perFrame
	if n > lim.Samples {
		return nil, &record.LimitError{Path: path, What: "samples", Limit: int64(lim.Samples)}
	}
	out := make([]int32, n+f.group-1) // room for a last group that is not full
	var last [4]byte
	for at, i := 0, 0; i < n; at, i = at+f.width, i+f.group {
		b := data[at:]
		if len(b) < f.width {
			copy(last[:], b)
			b = last[:f.width]
		}
		f.unpack(b, out[i:i+f.group])
	}
	return out[:n], nil
}
