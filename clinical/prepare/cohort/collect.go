package cohort

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/bedside-lm/bedside/clinical/prepare/split"
)

// collect reads what is known of all parts, writes the rejects, and fails where there are too
// many. sizes has the patients of each partition.
func (l *local) collect(m *Manifest) (members []split.Member, sizes []int, err error) {
	rejects, err := createRejects(l.job.Output)
	if err != nil {
		return nil, nil, err
	}
	defer rejects.f.discard()
	for n := range l.spool.Segments {
		data, err := readStretch(segmentName(l.work, n), rejectsOf)
		if err != nil {
			return nil, nil, err
		}
		var t told
		if err := json.Unmarshal(data, &t); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", segmentName(l.work, n), errDamaged)
		}
		m.Pieces += t.Pieces
		m.RejectedText += t.Rejected
		if err := rejects.add(t.Listed); err != nil {
			return nil, nil, err
		}
	}
	sizes = make([]int, l.partitions+1)
	for p := 1; p <= l.partitions; p++ {
		ix, err := readIndex(partName(l.work, p))
		if err != nil {
			return nil, nil, err
		}
		sizes[p] = len(ix.Members)
		members = append(members, ix.Members...)
		m.Patients += len(ix.Members)
		m.Rejected += ix.Told.Rejected
		for k, n := range ix.Counts {
			m.Counts[k] += n
		}
		if err := rejects.add(ix.Told.Listed); err != nil {
			return nil, nil, err
		}
	}
	told, err := rejects.commit()
	if err != nil {
		return nil, nil, err
	}
	m.Outputs = append(m.Outputs, told)
	return members, sizes, m.tooMany(l.job.MaxRejects)
}

// tooMany says whether more was rejected than a job allows.
func (m *Manifest) tooMany(share float64) error {
	all := m.Patients + m.Rejected
	switch {
	case all == 0:
		return &JobError{"inputs", "hold no patient; see " + rejectsName}
	case float64(m.Rejected) > share*float64(all):
		return &JobError{"inputs", fmt.Sprintf("%d of %d patients cannot be read, more than a share of %g; see %s", m.Rejected, all, share, rejectsName)}
	case float64(m.RejectedText) > share*float64(m.Pieces):
		return &JobError{"inputs", fmt.Sprintf("%d of %d lines, messages or files cannot be read, more than a share of %g; see %s", m.RejectedText, m.Pieces, share, rejectsName)}
	}
	return nil
}

const rejectsName = "rejects.jsonl"

// rejectsFile tells what was rejected, a line each.
type rejectsFile struct {
	f    *file
	enc  *json.Encoder
	rows int
}

func createRejects(dir string) (*rejectsFile, error) {
	f, err := create(filepath.Join(dir, rejectsName))
	if err != nil {
		return nil, err
	}
	return &rejectsFile{f: f, enc: json.NewEncoder(f)}, nil
}

func (r *rejectsFile) add(some []Reject) error {
	for i := range some {
		if err := r.enc.Encode(some[i]); err != nil {
			return err
		}
		r.rows++
	}
	return nil
}

func (r *rejectsFile) commit() (Output, error) {
	err := r.f.commit()
	return Output{Path: rejectsName, Bytes: r.f.size, SHA256: r.f.sum(), Rows: r.rows}, err
}

// readLabels reads the file of labels.
func readLabels(job *Job) (map[string]string, error) {
	if job.Label != LabelFile {
		return nil, nil
	}
	data, err := os.ReadFile(job.Labels)
	if err != nil {
		return nil, &JobError{"labels", err.Error()}
	}
	out := map[string]string{}
	for n, line := range bytes.Split(bytes.TrimSpace(data), []byte{'\n'}) {
		patient, label, ok := bytes.Cut(bytes.TrimRight(line, "\r"), []byte{'\t'})
		if !ok {
			return nil, &JobError{"labels", fmt.Sprintf("line %d: a patient's id and a label, with a tab between", n+1)}
		}
		out[string(patient)] = string(label)
	}
	return out, nil
}
