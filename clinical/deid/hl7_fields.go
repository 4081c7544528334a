package deid

// hl7Kind says what a field of HL7 v2 (2.3 to 2.8) holds, by its data type.
type hl7Kind byte

const (
	plain     hl7Kind = iota // codes; nothing is known of it
	xpn                      // a person's name
	xcn                      // a person's number and name
	xon                      // an organization
	xad                      // an address
	xtn                      // a telephone
	cx                       // a number of a person or of a stay
	idNumber                 // any other number that is one of a kind
	day                      // a time
	looked                   // free text
	embedded                 // a picture, a document, a sound
	wholeName                // a name in one piece
	code                     // a code, a count: it stays
)

// hl7Fields are the fields by segment. What is not named is looked through as free text, or left where the segment is of codes
// alone.
var hl7Fields = map[string]map[int]hl7Kind{
	"MSH": {4: xon, 6: xon, 7: day, 10: idNumber, 22: xon, 23: xon},
	"FHS": {4: xon, 6: xon, 7: day, 9: looked, 10: looked, 11: idNumber},
	"BHS": {4: xon, 6: xon, 7: day, 9: looked, 10: looked, 11: idNumber},
	"EVN": {2: day, 3: day, 5: xcn, 6: day, 7: xon},
	"PID": {
		2: cx, 3: cx, 4: cx, 5: xpn, 6: xpn, 7: day, 8: code, 9: xpn, 10: code, 11: xad, 12: idNumber, 13: xtn, 14: xtn, 15: code, 16: code, 17: code, 18: cx, 19: cx, 20: cx,
		21: cx, 22: code, 23: xad, 24: code, 25: code, 29: day, 30: code, 33: day, 34: xon, 40: xtn,
	},
	"PD1": {3: xon, 4: xcn, 5: code},
	"NK1": {
		2: xpn, 3: code, 4: xad, 5: xtn, 6: xtn, 7: code, 8: day, 9: day, 12: cx, 13: xon, 16: day, 26: xpn, 30: xpn, 31: xtn, 32: xad, 33: cx, 37: cx, 38: xad,
		40: xtn, 41: xtn,
	},
	"PV1": {2: code, 5: cx, 7: xcn, 8: xcn, 9: xcn, 17: xcn, 19: cx, 25: day, 44: day, 45: day, 50: cx, 52: xcn, 53: xon},
	"PV2": {8: day, 9: day, 12: looked, 13: xcn, 14: day, 15: day, 17: day, 23: xon, 26: day, 28: day, 33: day, 46: day, 47: day, 48: day},
	"IN1": {
		2: code, 3: cx, 4: xon, 5: xad, 6: xpn, 7: xtn, 8: idNumber, 9: xon, 10: cx, 11: xon, 12: day, 13: day, 14: idNumber, 16: xpn, 18: day, 19: xad, 24: day, 26: day,
		29: day, 30: xpn, 36: idNumber, 44: xad, 49: cx, 51: day, 52: xad,
	},
	"IN2": {1: cx, 2: cx, 3: xcn, 6: idNumber, 7: xpn, 8: idNumber, 9: wholeName, 22: xpn, 25: idNumber, 26: idNumber, 40: xpn, 49: xpn, 52: xpn, 61: cx, 63: xtn, 64: xtn, 69: xon, 70: xon},
	"GT1": {2: cx, 3: xpn, 4: xpn, 5: xad, 6: xtn, 7: xtn, 8: day, 12: idNumber, 13: day, 14: day, 16: xpn, 17: xad, 18: xtn, 19: cx, 21: xon, 42: xpn, 45: xpn, 46: xtn, 51: xon},
	"MRG": {1: cx, 2: cx, 3: cx, 4: cx, 5: cx, 6: cx, 7: xpn},
	"ORC": {2: idNumber, 3: idNumber, 4: idNumber, 7: looked, 9: day, 10: xcn, 11: xcn, 12: xcn, 14: xtn, 15: day, 19: xcn, 21: xon, 22: xad, 23: xtn, 24: xad},
	"OBR": {
		1: code, 2: idNumber, 3: idNumber, 4: code, 6: day, 7: day, 8: day, 10: xcn, 13: looked, 14: day, 16: xcn, 17: xtn, 18: idNumber, 19: idNumber, 20: idNumber, 21: idNumber, 22: day,
		28: xcn, 29: idNumber, 31: looked, 32: wholeName, 33: wholeName, 34: wholeName, 35: wholeName, 36: day, 39: looked, 49: code,
	},
	"OBX": {1: code, 2: code, 3: code, 4: code, 6: code, 7: code, 8: code, 9: code, 10: code, 11: code, 12: day, 13: looked, 14: day, 15: xon, 16: xcn, 17: code, 18: idNumber, 19: day, 23: xon, 24: xad, 25: xcn},
	"NTE": {3: looked},
	"DG1": {1: code, 2: code, 3: code, 4: looked, 5: day, 16: xcn, 19: day, 20: idNumber},
	"PR1": {1: code, 2: code, 3: code, 4: looked, 5: day, 8: xcn, 11: xcn, 12: xcn, 19: idNumber},
	"AL1": {1: code, 2: code, 3: code, 4: code, 5: looked, 6: day},
	"ROL": {1: idNumber, 4: xcn, 5: day, 6: day, 11: xad, 12: xtn},
	"PRT": {1: idNumber, 5: xcn, 8: xon, 10: idNumber, 11: day, 12: day, 14: xad, 15: xtn, 16: idNumber, 17: idNumber, 20: idNumber, 21: idNumber},
	"TXA": {4: day, 5: xcn, 6: day, 7: day, 8: day, 9: xcn, 10: xcn, 11: xcn, 12: idNumber, 13: idNumber, 14: idNumber, 15: idNumber, 16: looked, 22: xcn, 23: xcn},
	"ACC": {1: day, 3: xad, 7: xcn, 11: xad},
	"SPM": {1: code, 2: idNumber, 3: idNumber, 14: looked, 17: day, 18: day},
	"RXE": {1: day, 13: xcn, 14: xcn, 15: idNumber, 18: day, 21: looked, 32: day},
	"RXA": {3: day, 4: day, 9: looked, 10: xcn, 15: idNumber, 16: day, 22: day},
	"RXO": {6: looked, 7: looked, 14: xcn, 15: xcn},
	"MSA": {2: idNumber, 3: looked},
}

// plainSegments are of codes and counts but for the fields that the table names.
var plainSegments = words(`PID PV1 OBX OBR EVN AL1 DG1 PR1`)

func hl7Known(name string) bool { _, ok := hl7Fields[name]; return ok }

// obxKinds are the kinds of OBX-5 by the value type in OBX-2.
var obxKinds = map[string]hl7Kind{
	"NM": code, "SN": code, "CE": looked, "CWE": looked, "CNE": looked, "CF": looked, "IS": looked, "ID": looked, "ST": looked, "TX": looked, "FT": looked, "TM": code, "NA": code, "MA": code, "SI": code, "CP": code, "CQ": code, "NR": code,
	"TS": day, "DT": day, "DTM": day, "DR": day, "XPN": xpn, "PN": xpn, "XCN": xcn, "CN": xcn, "XON": xon, "XAD": xad, "AD": xad, "XTN": xtn,
	"TN": xtn, "CX": cx, "CK": cx, "EI": idNumber, "ED": embedded, "RP": embedded,
}

// hl7Type is what a number is, by its field.
func hl7Type(segment string, field int) Type {
	switch segment {
	case "PID", "MRG":
		switch field {
		case 18:
			return Account
		case 19:
			return SSN
		case 20:
			return License
		case 12:
			return Address
		}
		return MRN
	case "PV1":
		if field == 19 || field == 50 || field == 5 {
			return MRN
		}
	case "IN1", "IN2":
		return HealthPlan
	case "GT1", "NK1":
		if field == 12 || field == 37 {
			return SSN
		}
	case "OBX":
		if field == 18 {
			return Device
		}
	}
	return ID
}
