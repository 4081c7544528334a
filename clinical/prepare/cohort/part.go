package cohort

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"

	"github.com/klauspost/compress/zstd"

	"github.com/bedside-lm/bedside/clinical/prepare/split"
)

// A part holds what became of one partition's patients, until their sets are known: packed
// entries, each with its length before it. Beside it lies its index, which says for each
// patient what the sets are drawn by.

func partName(work string, partition int) string {
	return filepath.Join(work, fmt.Sprintf("part-%05d", partition))
}

// partWriter writes a part.
type partWriter struct {
	f *file
	z *zstd.Encoder
	b []byte
}

func createPart(path string) (*partWriter, error) {
	f, err := create(path)
	if err != nil {
		return nil, err
	}
	z, err := zstd.NewWriter(f, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<20))
	if err != nil {
		f.discard()
		return nil, err
	}
	return &partWriter{f: f, z: z}, nil
}

func (w *partWriter) add(p *Prepared) error {
	w.b = appendPrepared(w.b[:0], p)
	for _, b := range [][]byte{w.b, p.Record} { // the record by itself: it may be large
		var head [binary.MaxVarintLen64]byte
		if _, err := w.z.Write(head[:binary.PutUvarint(head[:], uint64(len(b)))]); err != nil {
			return err
		}
		if _, err := w.z.Write(b); err != nil {
			return err
		}
	}
	return nil
}

func (w *partWriter) commit() error {
	if err := w.z.Close(); err != nil {
		return err
	}
	return w.f.commit()
}

// readPart calls visit with each patient of a part, in order.
func readPart(path string, visit func(*Prepared) error) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	z, err := zstd.NewReader(f, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true))
	if err != nil {
		return err
	}
	defer z.Close()
	r := bufio.NewReaderSize(z, 256<<10)
	var b []byte
	for {
		if b, err = readChunk(r, b); errors.Is(err, io.EOF) {
			return nil
		}
		var p *Prepared
		if err == nil {
			p, err = scanPrepared(b)
		}
		if err == nil {
			if p.Record, err = readChunk(r, nil); errors.Is(err, io.EOF) {
				err = errDamaged
			}
		}
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		if err := visit(p); err != nil {
			return err
		}
	}
}

// readChunk reads bytes that have their length before them, into b where there is room. It
// returns io.EOF where nothing follows.
func readChunk(r *bufio.Reader, b []byte) ([]byte, error) {
	n, err := binary.ReadUvarint(r)
	if errors.Is(err, io.EOF) {
		return b, io.EOF
	}
	const most = 1 << 32
	if err != nil || n > most {
		return b, errDamaged
	}
	b = slices.Grow(b[:0], int(n))[:n]
	if _, err := io.ReadFull(r, b); err != nil {
		return b, errDamaged
	}
	return b, nil
}

// appendPrepared writes down all of p but its record.
func appendPrepared(b []byte, p *Prepared) []byte {
	b = appendBytes(b, p.Patient)
	b = appendBytes(b, p.Label)
	b = binary.AppendUvarint(b, uint64(len(p.Texts)))
	for _, t := range p.Texts {
		b = appendBytes(b, t.Language)
		b = appendBytes(b, t.Text)
		b = binary.AppendUvarint(binary.AppendUvarint(b, uint64(t.Tokens)), uint64(t.Omitted))
	}
	b = binary.AppendUvarint(b, uint64(len(p.Readings)))
	for i := range p.Readings {
		b = appendReading(b, &p.Readings[i])
	}
	b = binary.AppendUvarint(b, uint64(len(p.Features)))
	for _, v := range p.Features {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
	}
	b = binary.AppendUvarint(b, uint64(len(p.Vector)))
	for _, v := range p.Vector {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}

// texts are the fields of a row that are written as they are.
func (r *Row) texts() []*string {
	return []*string{&r.ID, &r.Encounter, &r.Device, &r.Code, &r.Measure, &r.Comparator, &r.Unit, &r.RawUnit, &r.Marks, &r.DerivedFrom}
}

func appendReading(b []byte, r *Row) []byte {
	for _, s := range r.texts() {
		b = appendBytes(b, *s)
	}
	b = binary.AppendUvarint(b, uint64(r.Component+1))
	b = binary.AppendUvarint(b, uint64(r.Observation))
	for _, v := range []uint64{uint64(r.Time), uint64(r.RawTime), math.Float64bits(r.Value), math.Float64bits(r.RawValue)} {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	return b
}

// scanPrepared reads what appendPrepared wrote.
func scanPrepared(b []byte) (*Prepared, error) {
	s := scan{b: b}
	p := s.prepared()
	if s.bad || len(s.b) > 0 {
		return nil, errDamaged
	}
	return p, nil
}

func (s *scan) prepared() *Prepared {
	p := &Prepared{Patient: string(s.bytes()), Label: string(s.bytes())}
	for range s.count(4) {
		p.Texts = append(p.Texts, Text{Language: string(s.bytes()), Text: string(s.bytes()), Tokens: int(s.uvarint()), Omitted: int(s.uvarint())})
	}
	p.Readings = make([]Row, s.count(44))
	for i := range p.Readings {
		s.reading(&p.Readings[i])
	}
	p.Features = make([]float64, s.count(8))
	for i := range p.Features {
		p.Features[i] = math.Float64frombits(s.word())
	}
	p.Vector = make([]float32, s.count(4))
	for i := range p.Vector {
		p.Vector[i] = math.Float32frombits(s.half())
	}
	return p
}

// count reads the number of things that take at least size bytes each.
func (s *scan) count(size int) int {
	n := s.uvarint()
	if n > uint64(len(s.b)/size+1) {
		s.bad, s.b = true, nil
		return 0
	}
	return int(n)
}

func (s *scan) reading(r *Row) {
	for _, t := range r.texts() {
		*t = string(s.bytes())
	}
	r.Component, r.Observation = int(s.uvarint())-1, int(s.uvarint())
	r.Time, r.RawTime = int64(s.word()), int64(s.word())
	r.Value, r.RawValue = math.Float64frombits(s.word()), math.Float64frombits(s.word())
}

func (s *scan) word() uint64 {
	if len(s.b) < 8 {
		s.bad, s.b = true, nil
		return 0
	}
	v := binary.LittleEndian.Uint64(s.b)
	s.b = s.b[8:]
	return v
}

func (s *scan) half() uint32 {
	if len(s.b) < 4 {
		s.bad, s.b = true, nil
		return 0
	}
	v := binary.LittleEndian.Uint32(s.b)
	s.b = s.b[4:]
	return v
}

// index is what is known of a part without reading it.
type index struct {
	Members []split.Member
	Counts  map[string]int
	Told    told // of patients
}

func (ix *index) add(p *Prepared) {
	ix.Members = append(ix.Members, split.Member{Patient: split.Key(p.Patient), Label: p.Label, Print: p.Print})
	for _, key := range slices.Sorted(maps.Keys(p.Counts)) {
		ix.Counts[key] += p.Counts[key]
	}
}
