// Package audit writes down who did what with whose record: one line of JSON an access, in files that only grow, each
// line bound to the one before by its SHA-256 and signed with a key, so that Verify finds whatever was changed, taken out
// or moved. No line holds a text of a request or an answer: records and patients stand there as keyed hashes.
package audit

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"time"
)

// Event is what a line tells of.
type Event string

// The events. A call that is answered once is one line. One that is answered piece by piece has a line before its first
// answer, further ones as it names further records, and one for its end.
const (
	EventCall   Event = "call"   // a call, at its end
	EventOpen   Event = "open"   // a stream is about to be answered, or to go on with further records
	EventEnd    Event = "end"    // an answered stream has ended
	EventStart  Event = "start"  // the log is opened
	EventRepair Event = "repair" // as start, after a line was cut short; Bytes is how long that piece was
	EventFile   Event = "file"   // the log goes on in this new file
	EventCheck  Event = "check"  // a checkpoint, also told to the server's own log
	EventStop   Event = "stop"   // the log is closed in order
)

// Record is one line of the log.
type Record struct {
	// Seq counts the lines from 1, through all files.
	Seq   int64     `json:"seq"`
	Time  time.Time `json:"time"`
	Event Event     `json:"event"`

	RequestID string `json:"request_id,omitempty"`
	// Method is the call, such as "/bedside.v1.ClinicalService/SummarizeRecord".
	Method string `json:"method,omitempty"`
	// Subject, By, Roles and Tenant say who called, how they were recognised, and on whose account.
	Subject string   `json:"subject,omitempty"`
	By      string   `json:"by,omitempty"`
	Roles   []string `json:"roles,omitempty"`
	Tenant  string   `json:"tenant,omitempty"`
	// Purpose is a code of HL7 v3's PurposeOfUse, as the caller gave it.
	Purpose string `json:"purpose,omitempty"`
	// Records are keyed hashes of the documents sent or the nodes asked for, Patients of the patients' ids.
	Records  []string `json:"records,omitempty"`
	Patients []string `json:"patients,omitempty"`
	// Model and Digest say which model answered.
	Model  string `json:"model,omitempty"`
	Digest string `json:"model_digest,omitempty"`
	// Code is the outcome, such as "OK" or "PERMISSION_DENIED".
	Code string `json:"code,omitempty"`
	// Milliseconds is how long the call took.
	Milliseconds float64 `json:"duration_ms,omitempty"`

	Bytes   int64  `json:"bytes,omitempty"`
	Version string `json:"version,omitempty"`
	// Prev is the SHA-256 of the line before, without its line feed; of the first line of all, 64 zeros.
	Prev string `json:"prev"`
}

// A line is a Record's JSON with one more field at its end, mac: the HMAC-SHA256 of all that stands before it.
const macField = `,"mac":"`

const macBytes = len(macField) + 2*sha256.Size + len(`"}`)

var noLine = hex.EncodeToString(make([]byte, sha256.Size))

// line writes a record, without a line feed.
func line(r *Record, key []byte) ([]byte, error) {
	data, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	data = data[:len(data)-1] // the closing brace
	mac := keyed(key, "line", data)
	return append(append(append(data, macField...), mac...), `"}`...), nil
}

// signed splits a line into what is signed and the signature.
func signed(data []byte) (body []byte, mac string, ok bool) {
	at := len(data) - macBytes
	if at < 0 || !bytes.HasPrefix(data[at:], []byte(macField)) || !bytes.HasSuffix(data, []byte(`"}`)) {
		return nil, "", false
	}
	return data[:at], string(data[at+len(macField) : len(data)-len(`"}`)]), true
}

func digest(line []byte) string {
	sum := sha256.Sum256(line)
	return hex.EncodeToString(sum[:])
}

// keyed is the HMAC-SHA256 of data for one use of the key, in hexadecimal.
func keyed(key []byte, use string, data []byte) string {
	h := hmac.New(sha256.New, key)
	_, _ = h.Write([]byte(use + "\x00")) // a hash takes whatever it is given
	_, _ = h.Write(data)
	return hex.EncodeToString(h.Sum(nil))
}

// HashRecord is what stands in Records for a document or a node's id.
func HashRecord(key, data []byte) string { return keyed(key, "record", data) }

// HashPatient is what stands in Patients for a patient's id of a tenant.
func HashPatient(key []byte, tenant, id string) string {
	// The length keeps "a" + "bc" and "ab" + "c" apart.
	return keyed(key, "patient", []byte(strconv.Itoa(len(tenant))+":"+tenant+id))
}

// HashName is what stands for a name that is not known to be harmless.
func HashName(key []byte, name string) string { return keyed(key, "name", []byte(name)) }
