package auth

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"time"

	"github.com/spiffe/go-spiffe/v2/spiffeid"
	"go.yaml.in/yaml/v3"

	"github.com/bedside-lm/bedside/server/config"
)

// maxCallers is how many entries a callers' file may have.
const maxCallers = 10_000

// entry is one of the callers' file: an API key, by its hash, or a client certificate, by its name.
type entry struct {
	Key    string `yaml:"key,omitempty"`    // the public part of an API key
	SHA256 string `yaml:"sha256,omitempty"` // of the whole key, in hexadecimal
	// Certificate is a SPIFFE ID, or a subject as RFC 2253 writes it, such as "CN=monitor-7,O=St. Elsewhere".
	Certificate string    `yaml:"certificate,omitempty"`
	Subject     string    `yaml:"subject,omitempty"` // by default what identifies the entry
	Roles       []Role    `yaml:"roles,flow"`
	Tenant      string    `yaml:"tenant,omitempty"`
	Created     time.Time `yaml:"created,omitempty"`
	Expires     time.Time `yaml:"expires,omitempty"` // zero: never
}

// callers are the entries of a callers' file.
type callers struct {
	keys         map[string]apiKey
	certificates map[string]entry
}

type apiKey struct {
	entry
	sum [sha256.Size]byte
}

var keyIDPattern = regexp.MustCompile(`^[0-9a-f]{16}$`)

// parseCallers reads a callers' file. Errors name the entry by its number alone.
func parseCallers(data []byte) (callers, error) {
	out := callers{keys: map[string]apiKey{}, certificates: map[string]entry{}}
	var entries []entry
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	decoder.KnownFields(true)
	if err := decoder.Decode(&entries); err != nil && !errors.Is(err, io.EOF) { // nothing in it: nobody may call
		return out, callersError("is no list of callers in YAML: every entry has key and sha256, or certificate, and roles, and may have subject, tenant and expires")
	}
	if len(entries) > maxCallers {
		return out, callersError("has more than %d entries", maxCallers)
	}
	for i, e := range entries {
		if reason := out.add(e); reason != "" {
			return out, callersError("entry %d: %s", i+1, reason)
		}
	}
	return out, nil
}

func callersError(format string, args ...any) error {
	return &config.Error{Setting: "callers-file", Reason: fmt.Sprintf(format, args...)}
}

// add takes an entry in, or says what is wrong with it.
func (c *callers) add(e entry) string {
	known := Roles()
	switch {
	case (e.Key == "") == (e.Certificate == ""):
		return "needs either key or certificate"
	case len(e.Roles) == 0 || slices.ContainsFunc(e.Roles, func(r Role) bool { return !slices.Contains(known, r) }):
		return "roles must be some of " + names(known)
	case !tenantPattern.MatchString(e.Tenant):
		return "tenant must be letters, digits, dots, dashes and underscores, at most 64"
	case len(e.Subject) > maxSubject:
		return fmt.Sprintf("subject is longer than %d bytes", maxSubject)
	case e.Certificate != "":
		return c.addCertificate(e)
	}
	sum, err := hex.DecodeString(e.SHA256)
	switch _, twice := c.keys[e.Key]; {
	case !keyIDPattern.MatchString(e.Key) || err != nil || len(sum) != sha256.Size:
		return "key must be 16 and sha256 64 hexadecimal digits; 'bedside auth new-key' makes them"
	case twice:
		return "another entry has this key"
	}
	c.keys[e.Key] = apiKey{entry: e, sum: [sha256.Size]byte(sum)}
	return ""
}

func (c *callers) addCertificate(e entry) string {
	if e.SHA256 != "" {
		return "sha256 goes with key"
	}
	name := e.Certificate
	if isSPIFFE(name) {
		id, err := spiffeid.FromString(name)
		if err != nil {
			return "certificate is no SPIFFE ID"
		}
		name = id.String()
	}
	if _, twice := c.certificates[name]; twice {
		return "another entry has this certificate"
	}
	c.certificates[name] = e
	return ""
}

// byKey finds who has an API key. All that could tell one wrong key from another by time is done for every key.
func (c *callers) byKey(key string, now time.Time) (Identity, error) {
	id, whole := splitKey(key)
	found, known := c.keys[id]
	sum := sha256.Sum256([]byte(key))
	if same := subtle.ConstantTimeCompare(sum[:], found.sum[:]) == 1; !whole || !known || !same {
		return Identity{}, unauthenticated("the API key is not known")
	}
	return found.identity(id, ByAPIKey, now)
}

// byCertificate finds who has a certificate of that name. A name that is not there is a caller without roles.
func (c *callers) byCertificate(name string, now time.Time) (Identity, error) {
	e, known := c.certificates[name]
	if !known {
		return Identity{Subject: name, Method: ByCertificate}, nil
	}
	return e.identity(name, ByCertificate, now)
}

func (e *entry) identity(name string, by Method, now time.Time) (Identity, error) {
	id := Identity{Subject: e.Subject, Roles: e.Roles, Tenant: e.Tenant, Method: by, Expires: e.Expires}
	if id.Subject == "" {
		id.Subject = name
	}
	if !e.Expires.IsZero() && now.After(e.Expires) {
		return Identity{}, unauthenticated("these credentials have expired")
	}
	return id, nil
}
