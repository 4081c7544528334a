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

// The systems of codes that a record keeps without their system, from
// https://hl7.org/fhir/R4/terminologies-systems.html and its pages. A code outside the list
// is written without a system.
var (
	classes = codeSystem{"http://terminology.hl7.org/CodeSystem/v3-ActCode", binding{
		"AMB", "EMER", "FLD", "HH", "IMP", "ACUTE", "NONAC", "OBSENC", "PRENC", "SS", "VR",
	}}
	observationCategories = codeSystem{observationCategory, binding{
		"social-history", "vital-signs", "imaging", "laboratory", "procedure", "survey", "exam", "therapy", "activity",
	}}
	interpretationCodes = codeSystem{interpretation, binding{
		"A", "AA", "H", "HH", "HU", "L", "LL", "LU", "N", "<", ">", "B", "W", "U", "D", "S", "R", "I", "MS", "VS", "NS", "RR", "WR",
		"SDD", "SYN-R", "SYN-S", "IE", "IND", "E", "EXP", "UNE", "NEG", "POS", "ND", "DET", "NR", "CAR", "EX", "HX", "LX", "NCL", "QCF", "TOX",
	}}
	absentReasons = codeSystem{absentReason, binding{
		"unknown", "asked-unknown", "temp-unknown", "not-asked", "asked-declined", "masked", "not-applicable", "unsupported",
		"as-text", "error", "not-a-number", "negative-infinity", "positive-infinity", "not-performed", "not-permitted",
	}}
	conditionCategories        = codeSystem{conditionCategory, binding{"problem-list-item", "encounter-diagnosis"}}
	conditionClinicalCodes     = codeSystem{"http://terminology.hl7.org/CodeSystem/condition-clinical", conditionClinical}
	conditionVerificationCodes = codeSystem{"http://terminology.hl7.org/CodeSystem/condition-ver-status", conditionVerification}
	allergyClinicalCodes       = codeSystem{"http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical", allergyClinical}
	allergyVerificationCodes   = codeSystem{"http://terminology.hl7.org/CodeSystem/allergyintolerance-verification", allergyVerification}
	reportCategories           = codeSystem{reportCategory, binding{
		"AU", "BG", "BLB", "CG", "CH", "CP", "CT", "CTH", "CUS", "EC", "EN", "GE", "HM", "ICU", "IMG", "IMM", "LAB", "MB", "MCB", "MYC",
		"NMR", "NMS", "NRS", "OSL", "OT", "OTH", "OUS", "PAR", "PAT", "PF", "PHR", "PHY", "PT", "RAD", "RC", "RT", "RUS", "RX", "SP",
		"SR", "TX", "URN", "VR", "VUS", "XRC",
	}}
)

// codeSystem is a code system of which a record keeps the code alone.
type codeSystem struct {
	uri   string
	codes binding
}

func (s codeSystem) has(code string) bool { return s.codes.has(code) }

func (s codeSystem) coding(code string) outCoding {
	if s.has(code) {
		return outCoding{System: s.uri, Code: code}
	}
	return outCoding{Code: code}
}
