package wav

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/bedside-lm/bedside/clinical/record"
)

// The formats that are read.
const (
	formatPCM        = 0x0001
	formatFloat      = 0x0003
	formatExtensible = 0xFFFE
)

// Rates that sound is recorded at, in Hz.
const (
	minRate = 1000
	maxRate = 768_000
)

const unknownSize = 0xFFFFFFFF // of a data chunk that was written while it was recorded

// file is a sound, still packed.
type file struct {
	rate, channels, bits int
	float                bool
	data                 []byte // whole frames
	// open says that the file does not say how long it is.
	open bool
}

func (f *file) frames() int { return len(f.data) / (f.channels * f.bits / 8) }

func (f *file) seconds() float64 { return float64(f.frames()) / float64(f.rate) }

// readFile finds the format and the samples.
func readFile(data []byte, lim Limits) (*file, error) {
	if int64(len(data)) > lim.Bytes {
		return nil, &record.LimitError{Path: "file", What: "bytes", Limit: lim.Bytes}
	}
	if len(data) < 12 || string(data[:4]) != "RIFF" || string(data[8:12]) != "WAVE" {
		return nil, invalid("file.byte[0]", "expected RIFF and WAVE")
	}
	var f *file
	at := 12
	for chunks := 0; len(data)-at >= 8; chunks++ {
		if chunks >= lim.Chunks {
			return nil, &record.LimitError{Path: "file", What: "chunks", Limit: int64(lim.Chunks)}
		}
		id, size := string(data[at:at+4]), binary.LittleEndian.Uint32(data[at+4:])
		body := data[at+8:]
		path := fmt.Sprintf("file.byte[%d]", at)
		if id == "data" {
			if f == nil {
				return nil, invalid(path, "expected a format before the samples")
			}
			return f, f.take(path, body, size, lim)
		}
		if int64(size) > int64(len(body)) {
			return nil, invalid(path, "the chunk is longer than the file")
		}
		if id == "fmt " && f == nil {
			var err error
			if f, err = readFormat(at+8, body[:size], lim); err != nil {
				return nil, err
			}
		}
		at += 8 + int(size) + int(size%2)
		if at > len(data) {
			break
		}
	}
	return nil, invalid("file", "expected a chunk of samples")
}

// readFormat reads a format chunk, which stands at a byte of the file.
func readFormat(at int, b []byte, lim Limits) (*file, error) {
	if len(b) < 16 {
		return nil, invalid(fmt.Sprintf("file.byte[%d]", at), "expected a format of at least 16 bytes")
	}
	path := func(n int) string { return fmt.Sprintf("file.byte[%d]", at+n) }
	u16 := func(n int) int { return int(binary.LittleEndian.Uint16(b[n:])) }
	code, channels, align, bits := u16(0), u16(2), u16(12), u16(14)
	rate := binary.LittleEndian.Uint32(b[4:])
	if code == formatExtensible {
		if len(b) < 40 {
			return nil, invalid(path(0), "expected an extensible format of at least 40 bytes")
		}
		code = u16(24) // the sub-format's first two bytes are the format that it stands for
	}
	if channels < 1 {
		return nil, invalid(path(2), "expected at least one channel")
	}
	if channels > lim.Channels {
		return nil, &record.LimitError{Path: path(2), What: "channels", Limit: int64(lim.Channels)}
	}
	if rate < minRate || rate > maxRate {
		return nil, invalid(path(4), "expected %d to %d samples a second", minRate, maxRate)
	}
	switch {
	case code == formatPCM && (bits == 8 || bits == 16 || bits == 24 || bits == 32):
	case code == formatFloat && (bits == 32 || bits == 64):
	case code == formatPCM || code == formatFloat:
		return nil, invalid(path(14), "expected 8, 16, 24 or 32 bits of PCM, or 32 or 64 of a floating-point number")
	default:
		return nil, invalid(path(0), "expected PCM (1) or floating-point numbers (3); format %d is not read", code)
	}
	if align != channels*bits/8 {
		return nil, invalid(path(12), "expected %d bytes a frame", channels*bits/8)
	}
	return &file{rate: int(rate), channels: channels, bits: bits, float: code == formatFloat}, nil
}

// take takes the samples. A recorder that was cut off leaves a size of 0 or of all ones.
func (f *file) take(path string, body []byte, size uint32, lim Limits) error {
	if size == unknownSize || size == 0 && len(body) > 0 {
		f.open = true
	} else {
		if int64(size) > int64(len(body)) {
			return invalid(path, "the header announces %d bytes of samples, the file holds %d", size, len(body))
		}
		body = body[:size]
	}
	frame := f.channels * f.bits / 8
	f.data = body[:len(body)-len(body)%frame]
	if f.seconds() > float64(lim.Seconds) {
		return &record.LimitError{Path: path, What: "seconds", Limit: int64(lim.Seconds)}
	}
	return nil
}

// sample reads one sample, 1 being full scale. full says that it stands at the end of the scale.
func (f *file) sample(b []byte) (v float64, full bool) {
	if f.float {
		if f.bits == 64 {
			v = math.Float64frombits(binary.LittleEndian.Uint64(b))
		} else {
			v = float64(math.Float32frombits(binary.LittleEndian.Uint32(b)))
		}
		return v, v >= 1 || v <= -1
	}
	var n, scale int64
	switch f.bits {
	case 8: // the only one without a sign
		n, scale = int64(b[0])-1<<7, 1<<7
	case 16:
		n, scale = int64(int16(binary.LittleEndian.Uint16(b))), 1<<15
	case 24:
		n, scale = int64(b[0])|int64(b[1])<<8|int64(int8(b[2]))<<16, 1<<23
	default:
		n, scale = int64(int32(binary.LittleEndian.Uint32(b))), 1<<31
	}
	return float64(n) / float64(scale), n == -scale || n == scale-1
}
