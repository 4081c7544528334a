package fhir

import (
	"slices"
	"strings"
)

// elements are names of FHIR R4's elements, sorted: those of the resources that are read, and of what stands in them. The
// path of a violation has no other names. What a sender wrote where a name belongs may be anybody's.
var elements = sorted(`
abatement absentReason active address addresses administered admitSource adverseEvent age allergyIntolerance amount answer appointment
asNeeded assertedDate asserter assigner attachment author authoredOn authority basedOn bind birthDate birthSex bodySite boundsDuration
boundsPeriod boundsRange bundle careTeam category cause characteristic city class classHistory clinicalStatus code coding collected
collection comment communication comparator component conclusion conclusionCode condition contact contained content contentType
context contextOrder count country creation criticality data dataAbsentReason date dateTime days deceasedBoolean deceasedDateTime
definition denominator derivedFrom description device deviceName dependsOn detail diagnosis dimensions direction disposition display
district doNotPerform dosage dosageInstruction dose doseAndRate doseNumber doseQuantity doseRange duration effectiveDateTime
effectiveInstant effectivePeriod effectiveTiming encounter end entry event evidence exposureRoute expansion expirationDate extension
factor family fastStatus fhirVersion focus frequency fullUrl function fundingSource gender generalPractitioner given granularity
hasMember hash high history hospitalization id identifier image implicitRules imagingStudy ingredient interpretation interpreter
instantiatesCanonical instantiatesUri intent issue issued item isSubpotent jurisdiction language lastOccurrence lastUpdated length
lengthUnit line linkId link list location lotNumber low lowerLimit managingOrganization manifestation manufacturer maritalStatus
maxDosePerAdministration maxDosePerLifetime maxDosePerPeriod media medicationCodeableConcept medicationReference meta method mode
model modelNumber modifierExtension multipleBirthBoolean multipleBirthInteger name note number numerator occurrence occurrenceDateTime
occurrencePeriod occurrenceString offset onset onsetAge onsetDateTime onsetPeriod onsetRange onsetString orderable organizer origin
other outcome owner parent partOf participant patient patientInstruction payload performed performedAge performedDateTime
performedPeriod performedRange performedString performer period periodMax periodUnit photo physicalType policy position postalCode
preAdmissionIdentifier prefix preferred presentedForm prevalence priorPrescription priority problem procedure profile property
protocolApplied quantity rangeHigh rangeLow rank rate rateQuantity rateRange rateRatio reaction reason reasonCode reasonReference
received recordDate recorded recordedDate recorder reference referenceRange referenceSeq relation relationship repeat replaces request
requester requisition resource resourceType response result resultsInterpreter role route safety search section sender sequence serialNumber
series serviceProvider serviceType severity signature site size source sourceReference specialArrangement specialCourtesy specimen
specialization stage start state status statusChanged statusHistory statusReason subject substance substitution suffix summary supportingInformation
system tag target taken telecom text time timing title total transaction type typeFilter udiCarrier udiDeviceIdentifier uncertainty
unit upperLimit url use used usage vaccineCode valueSet valueUri value verificationStatus version versionId viewed wasNotGiven when where
code codings div`)

// fhirTypes are what a choice of types, such as value[x], may be of.
var fhirTypes = sorted(`
Address Age Annotation Attachment Base64Binary Boolean Canonical Code CodeableConcept Coding ContactPoint Count Date DateTime Decimal
Distance Duration HumanName Id Identifier Instant Integer Markdown Money Oid Period PositiveInt Quantity Range Ratio Reference
SampledData Signature String Time Timing UnsignedInt Uri Url Uuid`)

var choices = []string{"value", "effective", "onset", "abatement", "deceased", "multipleBirth", "medication", "occurrence", "performed", "rate", "dose", "asNeeded", "default"}

func sorted(names string) []string {
	list := strings.Fields(names)
	slices.Sort(list)
	return list
}

func isElement(name string) bool {
	if _, known := slices.BinarySearch(elements, name); known {
		return true
	}
	for _, prefix := range choices {
		if name == prefix { // as in value[x]
			return true
		}
		if kind, found := strings.CutPrefix(name, prefix); found {
			_, known := slices.BinarySearch(fhirTypes, kind)
			return known
		}
	}
	return false
}

// knownPath is a path without names that FHIR does not have: a question mark stands for each. Its first name is the
// reader's own.
func knownPath(path string) string {
	parts := strings.Split(path, ".")
	for i, part := range parts {
		name, _, _ := strings.Cut(part, "[")
		if i > 0 && name != "" && name != "?" && !isElement(strings.TrimPrefix(name, "_")) {
			parts[i] = "?" + part[len(name):]
		}
	}
	return strings.Join(parts, ".")
}
