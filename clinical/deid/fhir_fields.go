package deid

import (
	"encoding/base64"
	"regexp"
	"strconv"
	"strings"
)

// The elements of FHIR R4 (https://hl7.org/fhir/R4) by what they hold. A name stands for an element wherever it occurs.
var (
	// codeKeys hold codes, URIs of code systems and the like. What the record's own fields say of its people is searched for in them.
	codeKeys = words(`resourceType system code status use version unit type intent priority language mode kind contentType class comparator
		linkId profile implicitRules gender versionId relation criticality category clinicalStatus verificationStatus fhirVersion
		instantiatesCanonical url mimeType method interpretation currency sequence rank outcome severity lang`)
	personKeys = words(`subject patient performer author recorder asserter requester enterer attester informant individual actor participant
		generalPractitioner practitioner receiver beneficiary subscriber policyHolder sender responsible verifier interpreter resultsInterpreter
		member party who onBehalfOf payee provider collector operator witness dataEnterer legalAuthenticator authenticator informationSource`)
	orgKeys    = words(`serviceProvider managingOrganization organization payor insurer issuer custodian manufacturer owner assigner location partOf`)
	deviceKeys = words(`serialNumber deviceIdentifier carrierHRF carrierAIDC distinctIdentifier udi`)
	planKeys   = words(`subscriberId policyNumber preAuthRef`)
	personal   = words(`Patient Practitioner PractitionerRole RelatedPerson Person`)
	places     = words(`Organization Location HealthcareService Endpoint`)
)

var fhirDate = regexp.MustCompile(`^\d{4}-\d{2}(?:-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:\d{2})?)?)?$`)

// string decides what a string is, and does what the policy says.
func (r *fhirReader) string(n int32, at place) {
	switch key := at.key; {
	case key == "resourceType":
	case key == "id" && at.above != "extension":
		r.id(n)
	case key == "reference" || key == "fullUrl" || key == "url" && (at.above == "link" || at.above == "request") || key == "location" && at.above == "response":
		r.reference(n)
	case key == "div":
		r.free(n, true)
	case key == "birthDate":
		r.birth(n, at)
	case fhirDate.MatchString(r.src[r.nodes[n].start+1 : r.nodes[n].end-1]):
		r.date(n, at)
	case key == "data" || key == "valueBase64Binary" || key == "hash" && r.get(at.parent, "data") >= 0:
		r.binary(n, at)
	case key == "display" && at.above == "coding" && standard[r.str(r.get(at.parent, "system"))]:
		r.code(n)
	default:
		if t := r.typed(n, at); t != "" {
			r.whole(n, t)
			return
		}
		if codeKeys.has(key) || strings.HasSuffix(key, "Code") || strings.HasSuffix(key, "Canonical") || key == "source" && at.above == "meta" {
			r.code(n)
			return
		}
		r.free(n, false)
	}
}

// typed is the type of what a string is as a whole, or "".
func (r *fhirReader) typed(n int32, at place) Type {
	key, above := at.key, at.above
	switch {
	case isName(above) && r.nodes[at.parent].kind == object && (key == "family" || key == "given" || key == "text" || key == "prefix" || key == "suffix"):
		return Name
	case above == "address" || strings.HasSuffix(above, "Address") || above == "birthPlace":
		switch key {
		case "line", "city", "district", "text":
			return Address
		case "postalCode":
			return Zip
		}
	case key == "value" && r.isIdentifier(at):
		return r.identifierType(at, r.str(n))
	case key == "value" && (above == "telecom" || strings.HasSuffix(above, "ContactPoint")):
		return contactType(r.str(r.get(at.parent, "system")), r.str(n))
	case deviceKeys.has(key):
		return Device
	case planKeys.has(key):
		return HealthPlan
	case key == "authorString" || key == "valueString" && strings.HasSuffix(at.url, "mothersMaidenName"):
		return Name
	case (key == "name" || key == "alias") && (places.has(at.resource) && above == ""):
		return Organization
	case key == "display" && above != "coding" && r.get(at.parent, "code") < 0:
		return r.displayType(at)
	case key == "url" && (r.get(at.parent, "contentType") >= 0 || r.get(at.parent, "title") >= 0 && at.url == "" || at.above == "photo"), key == "valueUrl":
		return URL
	case key == "address" && at.resource == "Endpoint":
		return URL
	}
	return ""
}

func isName(key string) bool { return key == "name" || strings.HasSuffix(key, "HumanName") }

func (r *fhirReader) isIdentifier(at place) bool {
	return strings.HasSuffix(strings.ToLower(at.above), "identifier")
}

// identifierTypes are the codes of http://terminology.hl7.org/CodeSystem/v2-0203 that say more than that it is one.
var identifierTypes = map[string]Type{
	"MR": MRN, "MRT": MRN, "PI": MRN, "PT": MRN, "AN": Account, "ANON": MRN, "VN": MRN, "SS": SSN, "SB": SSN, "DL": License, "MD": License,
	"RN": License, "LN": License, "NPI": License, "DEA": License, "PRN": License, "PPN": Passport, "MB": HealthPlan, "MC": HealthPlan,
	"MA": HealthPlan, "SN": HealthPlan, "NIIP": HealthPlan, "CZ": ResidentID, "NI": ResidentID, "JHN": HealthPlan, "PNT": Passport, "BC": BankCard,
	"BA": Account, "UDI": Device, "SNO": Device, "VIN": Vehicle,
}

func (r *fhirReader) identifierType(at place, value string) Type {
	typ := r.get(at.parent, "type")
	if c := r.get(typ, "coding"); c >= 0 {
		for item := r.nodes[c].first; item >= 0; item = r.nodes[item].next {
			if t, ok := identifierTypes[r.str(r.get(item, "code"))]; ok {
				return t
			}
		}
	}
	system := strings.ToLower(r.str(r.get(at.parent, "system")))
	switch compact := strings.ReplaceAll(value, " ", ""); {
	case validResident(compact):
		return ResidentID
	case strings.Contains(system, "us-ssn"):
		return SSN
	case strings.Contains(system, "npi"), strings.Contains(system, "licen"):
		return License
	case strings.Contains(system, "medicare"), strings.Contains(system, "mbi"), strings.Contains(system, "insurance"), at.resource == "Coverage":
		return HealthPlan
	case strings.Contains(system, "passport"):
		return Passport
	case at.resource == "Account":
		return Account
	case at.resource == "Device", at.resource == "DeviceMetric":
		return Device
	case at.resource == "Patient", at.resource == "Person":
		return MRN
	}
	return ID
}

func contactType(system, value string) Type {
	switch system {
	case "email":
		return Email
	case "url":
		return URL
	case "phone", "fax", "pager", "sms":
		return Phone
	}
	if found := Find(value, Auto, nil); len(found) == 1 {
		return found[0].Type
	}
	return ID
}

// displayType is whom a reference names.
func (r *fhirReader) displayType(at place) Type {
	ref := r.str(r.get(at.parent, "reference"))
	typ, _, ok := strings.Cut(ref, "/")
	if !ok || strings.Contains(typ, ":") {
		typ = r.str(r.get(at.parent, "type"))
	}
	switch {
	case personal.has(typ):
		return Name
	case places.has(typ):
		return Organization
	case typ != "" && typ != "urn" && !personKeys.has(at.above) && !orgKeys.has(at.above):
		return ""
	case personKeys.has(at.above) && (typ == "" || r.str(r.get(at.parent, "type")) == ""):
		return Name
	case orgKeys.has(at.above):
		return Organization
	}
	return ""
}

// code searches a code for what the record's own fields say.
func (r *fhirReader) code(n int32) {
	if r.known.empty() {
		return
	}
	value := r.str(n)
	r.known.search(value, func(t Type, start, end int) {
		if start == 0 && end == len(value) {
			instead, action := r.replaced(t, value)
			r.put(n, t, instead, action)
		}
	})
}

var uuid = regexp.MustCompile(`^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$`)

// newID is what stands for the id of a resource. It has an id's form, so that references still lead somewhere.
func (r *fhirReader) newID(id string) string {
	if uuid.MatchString(id) {
		return r.keys.hashUUID(id)
	}
	return r.keys.hash(id)
}

func (r *fhirReader) id(n int32) {
	if id := r.str(n); id != "" && r.policy.action(ResourceID) != Keep {
		r.put(n, ResourceID, r.newID(id), Hash)
	}
}

// reference keeps the form of a reference: "Patient/ID", "urn:uuid:ID", "#ID". The server in an absolute one goes.
func (r *fhirReader) reference(n int32) {
	ref := r.str(n)
	if ref == "" || r.policy.action(ResourceID) == Keep {
		return
	}
	base, query, asked := strings.Cut(ref, "?")
	base, version, versioned := strings.Cut(base, "/_history/")
	cut := strings.LastIndexAny(base, "/:#") + 1
	front, id := base[:cut], base[cut:]
	if i := strings.Index(front, "://"); i >= 0 {
		typ := strings.Trim(front[strings.LastIndexByte(strings.TrimSuffix(front, "/"), '/')+1:], "/")
		front = "https://deidentified.invalid/" + safeKey(typ) + "/"
	}
	if cut == 0 && asked { // a search by URL, such as "Patient?identifier=..."
		front, id = safeKey(base)+"/", query
	}
	if id == "" {
		r.put(n, URL, front, Redact)
		return
	}
	instead := front + r.newID(id)
	if versioned {
		instead += "/_history/" + r.keys.hash(version)
	}
	r.put(n, ResourceID, instead, Hash)
}

// removed stands for the content of an attachment.
var removed = base64.StdEncoding.EncodeToString([]byte("[ATTACHMENT]"))

// binary takes what may be a picture, a sound or a scan: it cannot be looked through. Waveforms stay.
func (r *fhirReader) binary(n int32, at place) {
	if r.get(at.parent, "origin") >= 0 || r.get(at.parent, "dimensions") >= 0 || r.policy.action(Attachment) == Keep || r.str(n) == removed {
		return
	}
	r.put(n, Attachment, removed, Redact)
}

// number takes ages above 89 and coordinates.
func (r *fhirReader) number(n int32, at place) {
	raw := r.src[r.nodes[n].start:r.nodes[n].end]
	switch {
	case at.key == "longitude" || at.key == "latitude" || at.key == "altitude" && at.above == "position",
		at.key == "valueDecimal" && (at.url == "latitude" || at.url == "longitude"):
		if r.policy.action(Address) != Keep && raw != "0" {
			r.edits = append(r.edits, edit{Address, Redact, int(r.nodes[n].start), int(r.nodes[n].end), "0", r.path()})
		}
	case at.key == "value" && r.isYears(at):
		if v, err := strconv.ParseFloat(raw, 64); err == nil && v > 89 && raw != "90" && r.policy.action(Age) != Keep {
			r.edits = append(r.edits, edit{Age, Generalize, int(r.nodes[n].start), int(r.nodes[n].end), "90", r.path()})
		}
	}
}

// isYears says whether a quantity is in years.
func (r *fhirReader) isYears(at place) bool {
	code, unit := r.str(r.get(at.parent, "code")), strings.ToLower(r.str(r.get(at.parent, "unit")))
	return code == "a" || unit == "years" || unit == "year" || unit == "yrs" || unit == "岁" || unit == "周岁"
}
