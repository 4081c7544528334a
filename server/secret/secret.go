// Package secret reads and makes the files that hold keys: small, and for their owner alone.
package secret

import (
	"crypto/rand"
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/bedside-lm/bedside/server/config"
)

const maxBytes = 64 << 10

// Read gives what stands in a file that others may not read. The error, a *config.Error, names the setting and never
// the content.
func Read(setting, path string) ([]byte, error) { return read(setting, path, maxBytes, true) }

// ReadLarge is Read for a file of up to limit bytes.
func ReadLarge(setting, path string, limit int64) ([]byte, error) {
	return read(setting, path, limit, true)
}

// ReadPublic gives what stands in a file of at most limit bytes that anyone may read, such as a certificate.
func ReadPublic(setting, path string, limit int64) ([]byte, error) {
	return read(setting, path, limit, false)
}

// read asks the open file about itself, so that no other can take its place in between.
func read(setting, path string, limit int64, private bool) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, &config.Error{Setting: setting, Reason: "names a file that cannot be read"}
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil || !info.Mode().IsRegular():
		return nil, &config.Error{Setting: setting, Reason: "names a file that cannot be read"}
	case private && info.Mode().Perm()&0o077 != 0:
		return nil, &config.Error{Setting: setting, Reason: "names a file that others may read; chmod 600"}
	}
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	switch {
	case err != nil:
		return nil, &config.Error{Setting: setting, Reason: "names a file that cannot be read"}
	case int64(len(data)) > limit:
		return nil, &config.Error{Setting: setting, Reason: "names a file that is too large"}
	}
	return data, nil
}

// Make makes a file of n random bytes, whole or not at all, unless there is one.
func Make(path string, n int) (err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	key := make([]byte, n)
	_, _ = rand.Read(key)                                 // never fails: crypto/rand ends the program instead
	f, err := os.CreateTemp(filepath.Dir(path), ".key-*") // 0600
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(f.Name())) }()
	_, err = f.Write(key)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil && !errors.Is(err, os.ErrExist) { // another process may have been faster
		return err
	}
	return nil
}
