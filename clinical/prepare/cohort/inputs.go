package cohort

import (
	"bufio"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// input is one file that is read.
type input struct {
	// Name is the file as errors and the manifest name it: its path below the folder given.
	Name   string
	Size   int64
	Time   int64 // of its last change, in nanoseconds
	path   string
	format Format
	zipped bool
}

var extensions = map[string]Format{
	".ndjson": FormatFHIR, ".jsonl": FormatFHIR, ".json": FormatFHIR, ".hl7": FormatHL7v2, ".csv": FormatCSV, ".tsv": FormatCSV,
}

// list finds the files of a job, in the order of their names, and looks whether the job has what
// reading them takes.
func list(j *Job) ([]input, error) {
	var out []input
	for _, given := range j.Inputs {
		info, err := os.Stat(given)
		if err != nil {
			return nil, &JobError{"inputs", err.Error()}
		}
		if !info.IsDir() {
			in, known := describe(given, filepath.Base(given), info, j.Format)
			if !known {
				return nil, &JobError{"inputs", in.Name + ": the name tells no format; say which"}
			}
			out = append(out, in)
			continue
		}
		err = filepath.WalkDir(given, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || strings.HasPrefix(d.Name(), ".") {
				return err
			}
			info, err := d.Info()
			if err != nil {
				return err
			}
			name, err := filepath.Rel(given, path)
			if err != nil {
				return err
			}
			// In a folder, a format that was asked for says which files are meant.
			if in, known := describe(path, filepath.ToSlash(name), info, FormatAuto); known && (j.Format == FormatAuto || j.Format == in.format) {
				out = append(out, in)
			}
			return nil
		})
		if err != nil {
			return nil, &JobError{"inputs", err.Error()}
		}
	}
	if len(out) == 0 {
		return nil, &JobError{"inputs", "no file named .ndjson, .jsonl, .json, .hl7, .csv or .tsv, packed as .gz or not"}
	}
	slices.SortFunc(out, func(a, b input) int { return strings.Compare(a.Name, b.Name) })
	for i := 1; i < len(out); i++ {
		if out[i].Name == out[i-1].Name {
			return nil, &JobError{"inputs", out[i].Name + ": two files of this name"}
		}
	}
	if slices.ContainsFunc(out, func(in input) bool { return in.format == FormatCSV }) {
		if _, err := j.mapping(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func describe(path, name string, info fs.FileInfo, format Format) (in input, known bool) {
	in = input{Name: name, Size: info.Size(), Time: info.ModTime().UnixNano(), path: path, format: format}
	plain, zipped := strings.CutSuffix(strings.ToLower(name), ".gz")
	in.zipped = zipped
	if format == FormatAuto {
		in.format, known = extensions[filepath.Ext(plain)]
		return in, known
	}
	return in, true
}

// whole says whether the file is one JSON text rather than one a line.
func (in *input) whole() bool {
	return in.format == FormatFHIR && strings.HasSuffix(strings.TrimSuffix(strings.ToLower(in.Name), ".gz"), ".json")
}

// opened is a file being read.
type opened struct {
	io.Reader
	file   *os.File
	digest hash.Hash
}

func (in *input) open(count io.Writer) (*opened, error) {
	f, err := os.Open(in.path)
	if err != nil {
		return nil, err
	}
	o := &opened{file: f, digest: sha256.New()}
	raw := io.TeeReader(f, io.MultiWriter(o.digest, count))
	o.Reader = raw
	if in.zipped {
		unpacked, err := gzip.NewReader(bufio.NewReaderSize(raw, 1<<20))
		if err != nil {
			_ = f.Close()
			return nil, &JobError{"inputs", in.Name + ": " + err.Error()}
		}
		o.Reader = unpacked
	}
	return o, nil
}

// sum is the digest of the whole file, to whose end it reads.
func (o *opened) sum() (string, error) {
	if _, err := io.Copy(io.Discard, io.TeeReader(o.file, o.digest)); err != nil {
		return "", err
	}
	return hex.EncodeToString(o.digest.Sum(nil)), nil
}
