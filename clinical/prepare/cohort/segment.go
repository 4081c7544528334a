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
//	partitions' items | rejects (JSON) | table: (offset, length, xxh3) of each partition and of the rejects | entries of the table (8 bytes)

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
	rejects := b.rejects
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
			rejects = append(rejects, Reject{File: name, Line: it.Line, Problems: ps})
		case it.Shared:
			stretches[0] = appendItem(stretches[0], it)
		case ok:
			p := partitionOf(it.Patient, partitions)
			stretches[p] = appendItem(stretches[p], it)
		}
	}
	told, err := json.Marshal(rejects)
	if err != nil {
		return err
	}
	f, err := create(segmentName(work, b.number))
	if err != nil {
		return err
	}
	defer f.discard()
	var table []byte
	for _, s := range append(stretches, told) {
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

// readStretch reads one partition of a segment; partition -1 is the rejects.
func readStretch(path string, partition int) (stretch []byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	var word [8]byte
	if _, err := f.ReadAt(word[:], size-8); err != nil {
		return nil, err
	}
	entries := int64(binary.LittleEndian.Uint64(word[:]))
	at := int64(partition)
	if partition < 0 {
		at = entries - 1
	}
	if entries <= 0 || at >= entries || entries*tableEntry > size {
		return nil, fmt.Errorf("%s: %w", path, errDamaged)
	}
	var entry [tableEntry]byte
	if _, err := f.ReadAt(entry[:], size-8-(entries-at)*tableEntry); err != nil {
		return nil, err
	}
	offset, length := binary.LittleEndian.Uint64(entry[:]), binary.LittleEndian.Uint64(entry[8:])
	if offset+length > uint64(size) {
		return nil, fmt.Errorf("%s: %w", path, errDamaged)
	}
	stretch = make([]byte, length)
	if _, err := f.ReadAt(stretch, int64(offset)); err != nil {
		return nil, err
	}
	if xxh3.Hash(stretch) != binary.LittleEndian.Uint64(entry[16:]) {
		return nil, fmt.Errorf("%s: %w", path, errDamaged)
	}
	return stretch, nil
}
