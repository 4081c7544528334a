// Package auth says who is calling and what they may do: identities from API keys, client certificates and signed bearer
// tokens, and one table (policy.go) of the roles that each call needs.
package auth

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Role is what a caller is to a hospital; policy.go says what each may do.
type Role string

// The roles.
const (
	Clinician  Role = "clinician"  // asks about patients
	Integrator Role = "integrator" // a system that sends records and readings in
	Operator   Role = "operator"   // runs the server, and sees no patient's data
	Auditor    Role = "auditor"    // looks at what is served and how much, and sees no patient's data
)

// Roles lists the roles.
func Roles() []Role { return []Role{Clinician, Integrator, Operator, Auditor} }

// Method is how a caller was recognised.
type Method string

// The ways to be recognised.
const (
	ByNothing     Method = ""            // nobody asked, or nothing was shown
	ByAPIKey      Method = "api-key"     // a line of the callers' file
	ByCertificate Method = "certificate" // of the connection
	ByToken       Method = "token"       // a signed JWT
	ByProcess     Method = "in-process"  // the caller is this program
)

// Identity is who is calling.
type Identity struct {
	// Subject is the caller's name: a token's sub, a certificate's SPIFFE ID or subject, or what the callers' file says.
	Subject string
	Roles   []Role
	// Tenant is on whose account the caller calls; "" is a tenant too. Where nobody is asked (Method is ByNothing or
	// ByProcess), callers name it themselves.
	Tenant string
	Method Method
	// Expires is when the credentials end; zero: never.
	Expires time.Time
}

// has says whether an identity has one of the roles.
func (id *Identity) has(roles []Role) bool {
	return slices.ContainsFunc(id.Roles, func(r Role) bool { return slices.Contains(roles, r) })
}

// Kind is why a call is refused.
type Kind int

// The reasons.
const (
	Unauthenticated Kind = iota // who is calling is not known
	Denied                      // it is, and they may not
)

// Error refuses a call.
type Error struct {
	Kind   Kind
	Reason string // for the caller: nothing that was sent, and nothing of a patient
}

func (e *Error) Error() string { return e.Reason }

func unauthenticated(format string, args ...any) *Error {
	return &Error{Kind: Unauthenticated, Reason: fmt.Sprintf(format, args...)}
}

func denied(format string, args ...any) *Error {
	return &Error{Kind: Denied, Reason: fmt.Sprintf(format, args...)}
}

const maxSubject = 256

// tenantPattern keeps texts out of where tenants are shown: metrics, logs and the audit.
var tenantPattern = regexp.MustCompile(`^([A-Za-z0-9][A-Za-z0-9._-]{0,63})?$`)

// Harmless says whether a tenant's name is one that credentials could have, and not just any text.
func Harmless(tenant string) bool { return tenantPattern.MatchString(tenant) }

// rolesOf reads names of roles. Other names are other systems' and say nothing here.
func rolesOf(names []string) []Role {
	var out []Role
	for _, r := range Roles() {
		if slices.Contains(names, string(r)) {
			out = append(out, r)
		}
	}
	return out
}

// Names are the roles' names.
func Names(roles []Role) []string {
	out := make([]string, len(roles))
	for i, r := range roles {
		out[i] = string(r)
	}
	return out
}

func names(roles []Role) string { return strings.Join(Names(roles), ", ") }
