package runner

import (
	"encoding/binary"
	"errors"

	"github.com/klauspost/compress/zstd"

	"github.com/bedside-lm/bedside/clinical/prepare/cohort"
)

// What is grouped by patient is packed: a byte that says how, then items as cohort.AppendItem
// writes them, or a label. Prepared patients are packed alike.
const (
	packedPlain  = 'p'
	packedZstd   = 'z'
	packedLabel  = 'l'
	worthPacking = 512 // bytes
	// unpackedMost bounds what a few bytes may unpack to.
	unpackedMost = 4 << 30
)

var errDamaged = errors.New("damaged on the way")

// packer packs and unpacks. Its methods may be used by several goroutines at once.
type packer struct {
	in  *zstd.Decoder
	out *zstd.Encoder
}

func newPacker() (packer, error) {
	out, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<20))
	if err != nil {
		return packer{}, err
	}
	in, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(unpackedMost))
	return packer{in: in, out: out}, err
}

func (p packer) pack(b []byte) []byte {
	if len(b) < worthPacking {
		return append([]byte{packedPlain}, b...)
	}
	return p.out.EncodeAll(b, []byte{packedZstd})
}

func (p packer) unpack(b []byte) ([]byte, error) {
	if len(b) == 0 {
		return nil, errDamaged
	}
	switch b[0] {
	case packedPlain:
		return b[1:], nil
	case packedZstd:
		return p.in.DecodeAll(b[1:], nil)
	}
	return nil, errDamaged
}

// items calls visit with the items of a packed stretch.
func (p packer) items(b []byte, visit func(cohort.Item)) error {
	plain, err := p.unpack(b)
	if err != nil {
		return err
	}
	return cohort.Items(plain, visit)
}

// named is a packed patient with the name before it, so that patients can be put in order
// without being unpacked.
type named struct {
	patient string
	packed  []byte
}

func (n named) append(b []byte) []byte {
	b = append(binary.AppendUvarint(b, uint64(len(n.patient))), n.patient...)
	return append(b, n.packed...)
}

func scanNamed(b []byte) (named, error) {
	n, used := binary.Uvarint(b)
	if used <= 0 || n > uint64(len(b)-used) {
		return named{}, errDamaged
	}
	b = b[used:]
	return named{string(b[:n]), b[n:]}, nil
}
