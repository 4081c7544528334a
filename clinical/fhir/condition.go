package fhir

import (
	"github.com/bedside-lm/bedside/clinical/fhir/internal/tree"
	"github.com/bedside-lm/bedside/clinical/record"
)

const (
	conditionCategory = "http://terminology.hl7.org/CodeSystem/condition-category"
	reportCategory    = "http://terminology.hl7.org/CodeSystem/v2-0074"
)

// condition reads https://hl7.org/fhir/R4/condition.html.
func (r *reader) condition(n *tree.Node) {
	c := record.Condition{
		ID: r.id, Code: r.concept(n, "code", optional), Category: r.firstCode(n, "category", conditionCategory),
		Clinical:     r.boundConcept(n, "clinicalStatus", conditionClinical),
		Verification: r.boundConcept(n, "verificationStatus", conditionVerification),
		Severity:     r.concept(n, "severity", optional), Recorded: r.dateTime(n, "recordedDate"),
	}
	c.Onset, _ = r.when(n, "onset", optional, "DateTime", "Age", "Period", "Range", "String")
	c.Abatement, _ = r.when(n, "abatement", optional, "DateTime", "Age", "Period", "Range", "String")
	r.subject(n, "subject", required)
	c.EncounterID = r.ref(n, "encounter", "Encounter")
	r.rec.Conditions = append(r.rec.Conditions, c)
}

// allergy reads https://hl7.org/fhir/R4/allergyintolerance.html.
func (r *reader) allergy(n *tree.Node) {
	a := record.Allergy{
		ID: r.id, Code: r.concept(n, "code", optional),
		Clinical:     r.boundConcept(n, "clinicalStatus", allergyClinical),
		Verification: r.boundConcept(n, "verificationStatus", allergyVerification),
		Criticality:  r.code(n, "criticality", optional, criticalities),
		Recorded:     r.dateTime(n, "recordedDate"),
	}
	for reaction := range r.objects(n, "reaction") {
		if reaction.Get("manifestation") == nil {
			r.missing(reaction, "manifestation")
		}
		a.Reactions = append(a.Reactions, r.concepts(reaction, "manifestation")...)
	}
	r.subject(n, "patient", required)
	r.rec.Allergies = append(r.rec.Allergies, a)
}

// procedure reads https://hl7.org/fhir/R4/procedure.html.
func (r *reader) procedure(n *tree.Node) {
	p := record.Procedure{
		ID: r.id, Status: r.code(n, "status", required, procedures), Code: r.concept(n, "code", optional),
	}
	p.Start, p.End = r.when(n, "performed", optional, "DateTime", "Period", "String", "Age", "Range")
	r.subject(n, "subject", required)
	p.EncounterID = r.ref(n, "encounter", "Encounter")
	r.rec.Procedures = append(r.rec.Procedures, p)
}

// immunization reads https://hl7.org/fhir/R4/immunization.html.
func (r *reader) immunization(n *tree.Node) {
	i := record.Immunization{
		ID: r.id, Status: r.code(n, "status", required, immunizations), Code: r.concept(n, "vaccineCode", required),
	}
	i.When, _ = r.when(n, "occurrence", required, "DateTime", "String")
	r.subject(n, "patient", required)
	r.rec.Immunizations = append(r.rec.Immunizations, i)
}

// report reads https://hl7.org/fhir/R4/diagnosticreport.html.
func (r *reader) report(n *tree.Node) {
	p := record.Report{
		ID: r.id, Status: r.code(n, "status", required, reports), Code: r.concept(n, "code", required),
		Category: r.firstCode(n, "category", reportCategory),
		Issued:   r.issued(n), Conclusion: r.str(n, "conclusion", optional), Codes: r.concepts(n, "conclusionCode"),
	}
	p.Start, _ = r.when(n, "effective", optional, "DateTime", "Period")
	r.subject(n, "subject", optional)
	p.EncounterID = r.ref(n, "encounter", "Encounter")
	for c := range r.objects(n, "result") {
		if id := r.refAt(c, "Observation"); id != "" {
			p.Results = append(p.Results, id)
		}
	}
	r.rec.Reports = append(r.rec.Reports, p)
}
