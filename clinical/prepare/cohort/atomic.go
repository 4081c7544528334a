package cohort

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"os"
	"path/filepath"
)

// file is written beside its place and renamed into it when it is whole: whoever finds a file
// under its own name finds all of it.
type file struct {
	path   string
	f      *os.File
	w      *bufio.Writer
	digest hash.Hash
	size   int64
}

func create(path string) (*file, error) {
	f, err := os.Create(path + ".tmp")
	if err != nil {
		return nil, err
	}
	out := &file{path: path, f: f, digest: sha256.New()}
	out.w = bufio.NewWriterSize(io.MultiWriter(f, out.digest), 64<<10)
	return out, nil
}

// Write writes, and counts.
func (f *file) Write(b []byte) (int, error) {
	n, err := f.w.Write(b)
	f.size += int64(n)
	return n, err
}

// commit puts the file in its place.
func (f *file) commit() error {
	if err := errors.Join(f.w.Flush(), f.f.Sync(), f.f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.path+".tmp", f.path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(f.path))
}

// discard takes away what was written. After commit it does nothing.
func (f *file) discard() {
	_ = f.f.Close()
	_ = os.Remove(f.path + ".tmp")
}

func (f *file) sum() string { return hex.EncodeToString(f.digest.Sum(nil)) }

// syncDir makes renames last through a power cut.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// writeFile is os.WriteFile, whole or not at all.
func writeFile(path string, data []byte) error {
	f, err := create(path)
	if err != nil {
		return err
	}
	defer f.discard()
	if _, err := f.Write(data); err != nil {
		return err
	}
	return f.commit()
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
