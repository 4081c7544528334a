package record

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

const longestID = 64 // FHIR R4 section 2.24.0.1

// IDOf makes a FHIR id (letters, digits, hyphens and full stops, at most 64 of them) of what a
// source calls something. A name with other signs, or a longer one, ends in a digest of the
// whole, so that two names never become one id: of two patients, that would make one. The
// empty name has no id.
func IDOf(name string) string {
	clean := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '.' {
			return r
		}
		return '-'
	}, name)
	if clean == name && len(name) <= longestID {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	tail := "-" + hex.EncodeToString(sum[:8])
	return clean[:min(len(clean), longestID-len(tail))] + tail
}
