package graph

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
)

// MinKey is the least length of a key, in bytes.
const MinKey = 32

// Pseudonyms turns identifiers into names that tell nothing to whoever lacks the key: the first 80 bits
// of HMAC-SHA-256 (FIPS 198-1). The same key gives the same name every time, so that what
// is known of a patient comes together. Without a key, numbers such as those of patients could be guessed
// one by one; so there is no Pseudonyms without one.
type Pseudonyms struct{ key []byte }

// KeyError says that a key is too short.
type KeyError struct{ Have int }

func (e *KeyError) Error() string {
	return fmt.Sprintf("the key of the pseudonyms has %d bytes, and needs %d", e.Have, MinKey)
}

// NewPseudonyms takes a key of at least MinKey random bytes.
func NewPseudonyms(key []byte) (*Pseudonyms, error) {
	if len(key) < MinKey {
		return nil, &KeyError{len(key)}
	}
	return &Pseudonyms{key: append([]byte(nil), key...)}, nil
}

// Within gives pseudonyms that differ from those of every other scope, such as a tenant's. The empty scope's are p's own.
func (p *Pseudonyms) Within(scope string) *Pseudonyms {
	if scope == "" {
		return p
	}
	mac := hmac.New(sha256.New, p.key)
	fmt.Fprintf(mac, "scope %d:%s", len(scope), scope)
	return &Pseudonyms{key: mac.Sum(nil)}
}

// of gives the name of an identifier within a scope, such as a tenant's patients or one patient's readings.
func (p *Pseudonyms) of(parts ...string) string {
	mac := hmac.New(sha256.New, p.key)
	for _, s := range parts {
		fmt.Fprintf(mac, "%d:%s", len(s), s)
	}
	return hex.EncodeToString(mac.Sum(nil)[:10])
}

// pseudonymForm is what a pseudonym that the caller gives may look like.
var pseudonymForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// ValidName says whether a caller may give this as a pseudonym or as the id of a record.
func ValidName(s string) bool { return pseudonymForm.MatchString(s) }
