package deid

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
)

// MinKey is the least length of a key, in bytes.
const MinKey = 32

// Keys are made of one secret, one for each use (HKDF, RFC 5869). The same secret gives the same pseudonyms, hashes and shifts.
type Keys struct {
	names, hashes, dates, seals []byte
	secret                      []byte
	// Passing says that the secret was made for this one document and is then gone.
	Passing bool
}

// NewKeys takes a secret of at least MinKey random bytes. The error is a *KeyError.
func NewKeys(secret []byte) (*Keys, error) {
	if len(secret) < MinKey {
		return nil, &KeyError{fmt.Sprintf("the key has %d bytes, and needs %d", len(secret), MinKey)}
	}
	k := &Keys{secret: append([]byte(nil), secret...)}
	for _, use := range []struct {
		key  *[]byte
		name string
	}{{&k.names, "names"}, {&k.hashes, "hashes"}, {&k.dates, "dates"}, {&k.seals, "seals"}} {
		var err error
		if *use.key, err = hkdf.Key(sha256.New, k.secret, nil, "bedside deid v1 "+use.name, 32); err != nil {
			return nil, err
		}
	}
	return k, nil
}

// PassingKeys are random, for one document: what they made of it cannot be undone, nor told again.
func PassingKeys() (*Keys, error) {
	secret := make([]byte, MinKey)
	if _, err := rand.Read(secret); err != nil {
		return nil, err
	}
	k, err := NewKeys(secret)
	if err == nil {
		k.Passing = true
	}
	return k, err
}

// Within gives keys that differ from those of every other scope, such as a tenant's. The empty scope's are k's own.
func (k *Keys) Within(scope string) (*Keys, error) {
	if scope == "" {
		return k, nil
	}
	secret, err := hkdf.Key(sha256.New, k.secret, nil, "bedside deid v1 scope "+scope, 32)
	if err != nil {
		return nil, err
	}
	return NewKeys(secret)
}

func sum(key []byte, parts ...string) []byte {
	mac := hmac.New(sha256.New, key)
	for _, s := range parts {
		fmt.Fprintf(mac, "%d:%s", len(s), s)
	}
	return mac.Sum(nil)
}

// number draws from 0 to n-1, the same for the same parts.
func number(key []byte, n int, parts ...string) int {
	return int(binary.BigEndian.Uint64(sum(key, parts...)) % uint64(n))
}

// hash is the keyed hash of a value: the first 80 bits, as 20 digits. How the value is spaced and hyphenated does not count.
func (k *Keys) hash(value string) string {
	value = strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, value)
	return hex.EncodeToString(sum(k.hashes, value)[:10])
}

// hashUUID is the hash in the form of a UUID (version 8, RFC 9562).
func (k *Keys) hashUUID(value string) string {
	b := sum(k.hashes, "uuid", strings.ToLower(value))[:16]
	b[6], b[8] = b[6]&0x0f|0x80, b[8]&0x3f|0x80
	s := hex.EncodeToString(b)
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}

// maxShift is the most days that a patient's dates are moved by, to either side.
const maxShift = 364

// days is how far a patient's dates are moved; never 0.
func (k *Keys) days(patient string) int {
	n := number(k.dates, 2*maxShift, patient) - maxShift // -364 to 363
	if n >= 0 {
		n++
	}
	return n
}

// original is what stood at a place of a result.
type original struct {
	Start int    `json:"s"`
	End   int    `json:"e"`
	Value string `json:"v"`
}

// seal encrypts what a result was made of (AES-256-GCM), bound to the result's text.
func (k *Keys) seal(text string, values []original) ([]byte, error) {
	plain, err := json.Marshal(values)
	if err != nil {
		return nil, err
	}
	aead, err := k.aead()
	if err != nil {
		return nil, err
	}
	digest := sha256.Sum256([]byte(text))
	return aead.Seal(nil, nil, plain, digest[:]), nil
}

func (k *Keys) aead() (cipher.AEAD, error) {
	block, err := aes.NewCipher(k.seals)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// Reverse gives the original of a result, whole and byte for byte. It needs the key by which the result was sealed, and the
// result unchanged. The error is a *KeyError.
func (k *Keys) Reverse(text string, sealed []byte) (string, error) {
	aead, err := k.aead()
	if err != nil {
		return "", err
	}
	digest := sha256.Sum256([]byte(text))
	plain, err := aead.Open(nil, nil, sealed, digest[:])
	if err != nil {
		return "", &KeyError{"this is not the key, not the seal, or not the text as it was sealed"}
	}
	var values []original
	if err := json.Unmarshal(plain, &values); err != nil {
		return "", &KeyError{"the seal was made by another version"}
	}
	var out strings.Builder
	at := 0
	for _, v := range values {
		if v.Start < at || v.End < v.Start || v.End > len(text) {
			return "", &KeyError{"the seal was made by another version"}
		}
		out.WriteString(text[at:v.Start])
		out.WriteString(v.Value)
		at = v.End
	}
	out.WriteString(text[at:])
	return out.String(), nil
}
