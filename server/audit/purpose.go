package audit

import (
	"context"
	"strconv"

	"google.golang.org/grpc/metadata"

	"github.com/bedside-lm/bedside/server/apierror"
)

// PurposeKey is the metadata key of a call's purpose of use.
const PurposeKey = "x-purpose-of-use"

// purposes are the codes of HL7 v3's value set PurposeOfUse (terminology.hl7.org/ValueSet/v3-PurposeOfUse).
var purposes = map[string]bool{
	"PurposeOfUse": true,
	"HMARKT":       true, "HOPERAT": true, "CAREMGT": true, "DONAT": true, "FRAUD": true, "GOV": true, "HACCRED": true, "HCOMPL": true,
	"HDECD": true, "HDIRECT": true, "HDM": true, "HLEGAL": true, "HOUTCOMS": true, "HPRGRP": true, "HQUALIMP": true, "HSYSADMIN": true,
	"LABELING": true, "METAMGT": true, "MEMADMIN": true, "MILCDM": true, "PATADMIN": true, "PATSFTY": true, "PERFMSR": true,
	"RECORDMGT": true, "SYSDEV": true, "HTEST": true, "TRAIN": true,
	"HPAYMT": true, "CLMATTCH": true, "COVAUTH": true, "COVERAGE": true, "ELIGDTRM": true, "ELIGVER": true, "ENROLLM": true,
	"MILDCRG": true, "REMITADV": true,
	"HRESCH": true, "BIORCH": true, "CLINTRCH": true, "CLINTRCHNPC": true, "CLINTRCHPC": true, "PRECLINTRCH": true, "DSRCH": true,
	"POARCH": true, "TRANSRCH": true,
	"PATRQT": true, "FAMRQT": true, "PWATRNY": true, "SUPNWK": true,
	"PUBHLTH": true, "DISASTER": true, "THREAT": true,
	"TREAT": true, "CLINTRL": true, "COC": true, "ETREAT": true, "BTG": true, "ERTREAT": true, "POPHLTH": true,
}

// PurposeOf reads the purpose that a call gives; none is "". What is no code could be any text, and is refused.
func PurposeOf(ctx context.Context) (string, error) {
	values := metadata.ValueFromIncomingContext(ctx, PurposeKey)
	switch {
	case len(values) == 0:
		return "", nil
	case len(values) == 1 && purposes[values[0]]:
		return values[0], nil
	}
	return "", &apierror.FieldError{
		Field: "metadata[" + strconv.Quote(PurposeKey) + "]", Message: "must be one code of HL7 v3's PurposeOfUse, such as TREAT, ETREAT, HOPERAT or HRESCH",
	}
}
