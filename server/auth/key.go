package auth

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/bedside-lm/bedside/server/config"
)

// An API key is "bsk_", 16 hexadecimal digits that find its entry and are no secret, "_", and 256 random bits in
// base64url. SHA-256 is enough to store it by: unlike a password, it cannot be guessed.
const keyPrefix = "bsk_"

// isKey says whether a bearer token is an API key; else it is a JWT.
func isKey(token string) bool { return strings.HasPrefix(token, keyPrefix) }

func splitKey(key string) (id string, ok bool) {
	id, secret, ok := strings.Cut(strings.TrimPrefix(key, keyPrefix), "_")
	return id, ok && secret != ""
}

// KeyHolder is whom a new key is for.
type KeyHolder struct {
	Subject string
	Roles   []Role
	Tenant  string
	Expires time.Time // zero: never
}

const maxCallersBytes = 4 << 20

// NewKey makes an API key, adds its hash to the callers' file, which it makes where there is none, and gives the key.
// It is kept nowhere.
func NewKey(path string, holder KeyHolder, now time.Time) (key string, err error) {
	var random [40]byte
	_, _ = rand.Read(random[:]) // never fails: crypto/rand ends the program instead
	id := hex.EncodeToString(random[:8])
	key = keyPrefix + id + "_" + base64.RawURLEncoding.EncodeToString(random[8:])
	sum := sha256.Sum256([]byte(key))
	line, err := entryLine(entry{
		Key: id, SHA256: hex.EncodeToString(sum[:]), Subject: holder.Subject, Roles: holder.Roles, Tenant: holder.Tenant,
		Created: now.UTC().Truncate(time.Second), Expires: holder.Expires,
	})
	if err != nil {
		return "", err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return key, appendEntry(f, line)
}

// entryLine is an entry as one line of YAML.
func entryLine(e entry) ([]byte, error) {
	var node yaml.Node
	if err := node.Encode([]entry{e}); err != nil {
		return nil, err
	}
	node.Content[0].Style = yaml.FlowStyle
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	if err := errors.Join(encoder.Encode(&node), encoder.Close()); err != nil {
		return nil, err
	}
	return bytes.ReplaceAll(bytes.TrimSpace(out.Bytes()), []byte("\n"), []byte(" ")), nil
}

// appendEntry adds a line, if the file is one that a server would read with it.
func appendEntry(f *os.File, line []byte) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return &config.Error{Setting: "callers-file", Reason: "names a file that others may read; chmod 600"}
	}
	old, err := io.ReadAll(io.LimitReader(f, maxCallersBytes))
	if err != nil {
		return err
	}
	add := slices.Concat(line, []byte("\n"))
	if len(old) > 0 && old[len(old)-1] != '\n' {
		add = slices.Concat([]byte("\n"), add)
	}
	if _, err := parseCallers(slices.Concat(old, add)); err != nil {
		return fmt.Errorf("nothing was added: %w", err)
	}
	_, err = f.Write(add)
	return errors.Join(err, f.Sync())
}
