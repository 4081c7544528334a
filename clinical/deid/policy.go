package deid

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Action is what is done to an identifier.
type Action string

// The actions.
const (
	Keep       Action = "keep"
	Redact     Action = "redact"     // the type in brackets, [NAME]
	Generalize Action = "generalize" // as much as Safe Harbor allows: a year, "90+", the first three digits of a ZIP code
	Pseudonym  Action = "pseudonym"  // another name for a name, the same for the same person; a keyed hash for all else
	Shift      Action = "shift"      // of dates: by days that the key and the patient determine, so that intervals stay
	Hash       Action = "hash"       // the type and a keyed hash (HMAC-SHA-256, the first 80 bits)
)

// Policy says what is done to each type.
type Policy struct {
	Default Action          `yaml:"default"` // of types that are not in Actions; default Redact
	Actions map[Type]Action `yaml:"actions"`
}

// DefaultPolicy is Safe Harbor: all is redacted, but dates become years, ages above 89 become "90+", ZIP codes keep three digits
// where enough people live, and the ids by which a document holds together are hashed.
func DefaultPolicy() Policy {
	return Policy{Default: Redact, Actions: map[Type]Action{Date: Generalize, Age: Generalize, Zip: Generalize, ResourceID: Hash}}
}

// PromptPolicy is for texts that a model on this server reads: dates stay, since what happened when is what the
// model is asked about.
func PromptPolicy() Policy {
	p := DefaultPolicy()
	p.Actions[Date] = Keep
	return p
}

const maxPolicy = 64 << 10

// ParsePolicy reads a policy from YAML:
//
//	default: redact
//	actions:
//	  NAME: pseudonym
//	  DATE: shift
//
// What it does not name is as in DefaultPolicy, unless it has a default of its own. The error is a *PolicyError.
func ParsePolicy(data []byte) (Policy, error) {
	if len(data) > maxPolicy {
		return Policy{}, &PolicyError{"policy", "is larger than 64 KiB"}
	}
	var p Policy
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	if err := dec.Decode(&p); err != nil && !errors.Is(err, io.EOF) {
		return Policy{}, &PolicyError{"policy", "is not YAML with the fields default and actions"}
	}
	return p.Complete()
}

// Complete checks a policy and fills in what it leaves open. The error is a *PolicyError.
func (p Policy) Complete() (Policy, error) {
	out := DefaultPolicy()
	if p.Default != "" {
		out = Policy{Default: p.Default, Actions: map[Type]Action{ResourceID: Hash}}
		if p.Default == Keep {
			out.Actions[ResourceID] = Keep
		}
	}
	maps.Copy(out.Actions, p.Actions)
	if !slices.Contains([]Action{Keep, Redact, Pseudonym, Hash}, out.Default) {
		return Policy{}, &PolicyError{"default", "must be keep, redact, pseudonym or hash"}
	}
	for _, t := range slices.Sorted(maps.Keys(out.Actions)) {
		field := "actions[" + string(t) + "]"
		if !slices.Contains(Types(), t) {
			return Policy{}, &PolicyError{"actions", "names a type that there is not; the types are " + typeNames()}
		}
		switch a := out.Actions[t]; a {
		case Keep, Redact, Pseudonym, Hash:
		case Generalize:
			if t != Date && t != Age && t != Zip {
				return Policy{}, &PolicyError{field, "generalize is for DATE, AGE and ZIP"}
			}
		case Shift:
			if t != Date {
				return Policy{}, &PolicyError{field, "shift is for DATE"}
			}
		default:
			return Policy{}, &PolicyError{field, "must be keep, redact, generalize, pseudonym, shift or hash"}
		}
	}
	return out, nil
}

func typeNames() string {
	var names []string
	for _, t := range Types() {
		names = append(names, string(t))
	}
	return strings.Join(names, ", ")
}

func (p Policy) action(t Type) Action {
	if a, ok := p.Actions[t]; ok {
		return a
	}
	if p.Default == "" {
		return Redact
	}
	return p.Default
}
