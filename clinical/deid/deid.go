// Package deid finds what identifies a person, in records and in free text, English and Chinese, and takes it out: the
// eighteen kinds of HIPAA's Safe Harbor (45 CFR 164.514(b)(2)) and those in use in China. Structured fields go by a table of
// their paths, free text by rules with checksums and context, and by what the record's own fields say of its people.
//
// Chinese names are also found by how likely they are against the words that stand there, from lists with counts. There is no
// network and no state: the same answer every time. docs/deidentification.md says how much it finds.
package deid

import "fmt"

// Type is a kind of identifier.
type Type string

// The types. Each stands for one or more of the eighteen of Safe Harbor, (A) to (R).
const (
	Name         Type = "NAME"         // (A)
	Address      Type = "ADDRESS"      // (B), down to the door; coordinates too
	Zip          Type = "ZIP"          // (B)
	Date         Type = "DATE"         // (C), finer than a year
	Age          Type = "AGE"          // (C), above 89 years
	Phone        Type = "PHONE"        // (D), (E): telephone, fax, pager
	Email        Type = "EMAIL"        // (F)
	SSN          Type = "SSN"          // (G)
	ResidentID   Type = "RESIDENT_ID"  // (G), China's, GB 11643
	MRN          Type = "MRN"          // (H)
	HealthPlan   Type = "HEALTH_PLAN"  // (I)
	Account      Type = "ACCOUNT"      // (J)
	BankCard     Type = "BANK_CARD"    // (J)
	License      Type = "LICENSE"      // (K)
	Passport     Type = "PASSPORT"     // (K)
	Vehicle      Type = "VEHICLE"      // (L)
	Device       Type = "DEVICE"       // (M)
	URL          Type = "URL"          // (N)
	IP           Type = "IP"           // (O), MAC addresses too
	Attachment   Type = "ATTACHMENT"   // (P), (Q): what may hold a face, a voice or a fingerprint
	WeChat       Type = "WECHAT"       // (R), QQ too
	Organization Type = "ORGANIZATION" // (A) speaks of employers; in structured fields alone
	ResourceID   Type = "RESOURCE_ID"  // (R), the ids and references by which a document holds together
	ID           Type = "ID"           // (R), any other number or code
)

// Types are all of them, in the order of Safe Harbor.
func Types() []Type {
	return []Type{
		Name, Address, Zip, Date, Age, Phone, Email, SSN, ResidentID, MRN, HealthPlan, Account, BankCard, License, Passport,
		Vehicle, Device, URL, IP, Attachment, WeChat, Organization, ResourceID, ID,
	}
}

// Lang says which rules free text is read by.
type Lang string

// The languages. Numbers, dates and addresses on the network are looked for in any.
const (
	Auto    Lang = "auto" // both
	English Lang = "en"
	Chinese Lang = "zh"
)

// Span is one identifier and what was done to it. It never holds the value. Offsets are bytes of UTF-8, Start and End of the
// original, OutStart and OutEnd of the result.
type Span struct {
	Type             Type
	Action           Action
	Start, End       int
	OutStart, OutEnd int
	Path             string // where in a structured document, such as "Patient.name[0].family" or "PID[1]-5"; "" in plain text
}

// Result is a text without its identifiers.
type Result struct {
	Text  string
	Spans []Span // in the order of the text
	// Sealed is what undoes it, encrypted; nil unless it was asked for.
	Sealed []byte
}

// Counts are how many identifiers there were of each type.
func (r *Result) Counts() map[Type]int {
	out := map[Type]int{}
	for i := range r.Spans {
		out[r.Spans[i].Type]++
	}
	return out
}

// Limits bound what is read; zero values stand for the defaults.
type Limits struct {
	Bytes  int // of a document; default 64 MiB
	Depth  int // of nested JSON; default 64
	Values int // of JSON, names included; default 4 million
}

func (l Limits) withDefaults() Limits {
	if l.Bytes <= 0 {
		l.Bytes = 64 << 20
	}
	if l.Depth <= 0 {
		l.Depth = 64
	}
	if l.Values <= 0 {
		l.Values = 4_000_000
	}
	return l
}

// KeyError says that what was asked for needs a key, or another one.
type KeyError struct{ Reason string }

func (e *KeyError) Error() string { return e.Reason }

// PolicyError names what is wrong with a policy.
type PolicyError struct {
	Field  string
	Reason string
}

func (e *PolicyError) Error() string { return fmt.Sprintf("%s: %s", e.Field, e.Reason) }
