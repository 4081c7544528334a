// Package secret reads and makes files that hold keys.
package secret

import (
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"

	"github.com/bedside-lm/bedside/server/config"
)

const maxSecret = 64 << 10

// Read reads a file that a setting names and that nobody but its owner may read. The error is a *config.Error, or that of the
// file.
func Read(setting, path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, &config.Error{Setting: setting, Reason: "names a file that cannot be read"}
	case info.Size() > maxSecret:
		return nil, &config.Error{Setting: setting, Reason: "names a file that is too large"}
	case info.Mode().Perm()&0o077 != 0:
		return nil, &config.Error{Setting: setting, Reason: "names a file that others may read; chmod 600"}
	}
	return os.ReadFile(path)
}

// Make makes a file of random bytes, whole or not at all, unless there is one.
func Make(path string, bytes int) (err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	key := make([]byte, bytes)
	if _, err := rand.Read(key); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".key-*") // 0600
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(f.Name())) }()
	_, err = f.Write(key)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil && !errors.Is(err, os.ErrExist) { // another server may have been faster
		return err
	}
	return nil
}
