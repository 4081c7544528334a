package cohort

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/zeebo/xxh3"

	"github.com/bedside-lm/bedside/clinical/fhir"
)

// A segment is a block in order: the items of one partition after another, then a table of
// where each partition lies and what its bytes' hash is. Partition 0 holds the shared items.
//
//	partitions' items | what was rejected (JSON) | table: (offset, length, xxh3) of each partition and of what was rejected | entries of the table (8 bytes)

const tableEntry = 24

// segmentName is where a block's segment lies.
func segmentName(work string, number int) string {
	return filepath.Join(work, fmt.Sprintf("segment-%06d", number))
}

// partitionOf is where a patient's items go: 1 to partitions.
func partitionOf(patient string, partitions int) int {
	return 1 + int(xxh3.HashString(patient)%uint64(partitions))
}

// Key finds the patient that an item is about. shared items have none; ok is false for what
// is about no patient and named by none, which is left out. The error is a *record.InvalidError
// or a *record.LimitError.
func Key(it *Item, name string, lim fhir.Limits) (ok bool, err error) {
	if it.Format != FormatFHIR {
		return it.Patient != "", nil // the reader knew it
	}
	res, err := fhir.Glance(fhir.Line{Name: name, Number: it.Line, Text: it.Text}, lim)
	if err != nil {
		return false, err
	}
	it.Patient, it.Shared = res.Patient, res.Shared()
	return it.Shared || it.Patient != "", nil
}

// writeSegment puts a block in order.
func writeSegment(b *block, job *Job, inputs []input, work string, partitions int) error {
	stretches := make([][]byte, partitions+1)
	for i := range b.texts {
		it := &b.texts[i]
		name := inputs[it.File].Name
		ok, err := Key(it, name, job.Limits)
		switch {
		case err != nil:
			ps, known := problems(err)
			if !known {
				return err
			}
			b.told.reject(Reject{File: name, Line: it.Line, Problems: ps})
		case it.Shared:
			stretches[0] = appendItem(stretches[0], it)
		case ok:
			p := partitionOf(it.Patient, partitions)
			stretches[p] = appendItem(stretches[p], it)
		}
	}
	rejects, err := json.Marshal(b.told)
	if err != nil {
		return err
	}
	f, err := create(segmentName(work, b.number))
	if err != nil {
		return err
	}
	defer f.discard()
	var table []byte
	for _, s := range append(stretches, rejects) {
		table = binary.LittleEndian.AppendUint64(table, uint64(f.size))
		table = binary.LittleEndian.AppendUint64(table, uint64(len(s)))
		table = binary.LittleEndian.AppendUint64(table, xxh3.Hash(s))
		if _, err := f.Write(s); err != nil {
			return err
		}
	}
	table = binary.LittleEndian.AppendUint64(table, uint64(len(stretches)+1))
	if _, err := f.Write(table); err != nil {
		return err
	}
	return f.commit()
}

// stretch is where a partition lies in a segment.
type stretch struct{ offset, length, hash uint64 }

// openSegment opens a segment and reads the entries of its table from one to another; a negative
// one counts from the end, as the rejects' does.
func openSegment(path string, from, to int64) (*os.File, []stretch, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	table, err := readTable(f, from, to)
	if err != nil {
		_ = f.Close()
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	return f, table, nil
}

func readTable(f *os.File, from, to int64) ([]stretch, error) {
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	const word = 8
	var tail [word]byte
	if _, err := f.ReadAt(tail[:], size-word); err != nil {
		return nil, err
	}
	entries := int64(binary.LittleEndian.Uint64(tail[:]))
	if from < 0 {
		from, to = entries+from, entries+to
	}
	if entries <= 0 || from < 0 || to > entries || entries > size/tableEntry {
		return nil, errDamaged
	}
	data := make([]byte, (to-from)*tableEntry)
	if _, err := f.ReadAt(data, size-word-(entries-from)*tableEntry); err != nil {
		return nil, err
	}
	out := make([]stretch, to-from)
	for i := range out {
		e := data[i*tableEntry:]
		out[i] = stretch{binary.LittleEndian.Uint64(e), binary.LittleEndian.Uint64(e[word:]), binary.LittleEndian.Uint64(e[2*word:])}
		if out[i].offset > uint64(size) || out[i].length > uint64(size)-out[i].offset {
			return nil, errDamaged
		}
	}
	return out, nil
}

// rejectsOf is the place of a segment's rejects, for readStretch.
const rejectsOf = -1

// readStretch reads one partition of a segment.
func readStretch(path string, partition int) ([]byte, error) {
	f, table, err := openSegment(path, int64(partition), int64(partition)+1)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data := make([]byte, table[0].length)
	if _, err := f.ReadAt(data, int64(table[0].offset)); err != nil {
		return nil, err
	}
	if xxh3.Hash(data) != table[0].hash {
		return nil, fmt.Errorf("%s: %w", path, errDamaged)
	}
	return data, nil
}

// measureSegment adds the bytes of a segment's partitions to sizes.
func measureSegment(path string, sizes []int64) error {
	f, table, err := openSegment(path, 0, int64(len(sizes)))
	if err != nil {
		return err
	}
	defer f.Close()
	for p := range sizes {
		sizes[p] += int64(table[p].length)
	}
	return nil
}
