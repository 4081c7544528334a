package fhir

import "strings"

// binding is a value set that a field is required to take its code from.
type binding []string

func (b binding) has(code string) bool {
	for _, c := range b {
		if c == code {
			return true
		}
	}
	return false
}

func oneOf(codes []string) string {
	if len(codes) == 1 {
		return codes[0]
	}
	last := len(codes) - 1
	return "one of " + strings.Join(codes[:last], ", ") + " or " + codes[last]
}

const enteredInError = "entered-in-error"

// The value sets, from the R4 page of each resource. bundleTypes and
// observationValues are what is read of theirs.
var (
	readTypes = []string{
		"Patient", "Encounter", "Device", "Observation", "Condition", "MedicationRequest", "MedicationAdministration",
		"AllergyIntolerance", "DiagnosticReport", "Procedure", "Immunization",
	}
	bundleTypes  = binding{"collection", "batch", "transaction", "searchset", "document", "history"}
	genders      = binding{"male", "female", "other", "unknown"}
	comparators  = binding{"<", "<=", ">=", ">"}
	encounters   = binding{"planned", "arrived", "triaged", "in-progress", "onleave", "finished", "cancelled", enteredInError, "unknown"}
	devices      = binding{"active", "inactive", enteredInError, "unknown"}
	observations = binding{"registered", "preliminary", "final", "amended", "corrected", "cancelled", enteredInError, "unknown"}
	reports      = binding{
		"registered", "partial", "preliminary", "final", "amended", "corrected", "appended", "cancelled", enteredInError, "unknown",
	}
	conditionClinical     = binding{"active", "recurrence", "relapse", "inactive", "remission", "resolved"}
	conditionVerification = binding{"unconfirmed", "provisional", "differential", "confirmed", "refuted", enteredInError}
	allergyClinical       = binding{"active", "inactive", "resolved"}
	allergyVerification   = binding{"unconfirmed", "confirmed", "refuted", enteredInError}
	criticalities         = binding{"low", "high", "unable-to-assess"}
	requests              = binding{"active", "on-hold", "cancelled", "completed", enteredInError, "stopped", "draft", "unknown"}
	intents               = binding{
		"proposal", "plan", "order", "original-order", "reflex-order", "filler-order", "instance-order", "option",
	}
	administrations = binding{"in-progress", "not-done", "on-hold", "completed", enteredInError, "stopped", "unknown"}
	procedures      = binding{"preparation", "in-progress", "not-done", "on-hold", "stopped", "completed", enteredInError, "unknown"}
	immunizations   = binding{"completed", enteredInError, "not-done"}
)
