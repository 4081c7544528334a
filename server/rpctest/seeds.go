package rpctest

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
)

// Seeds are what the fields of requests hold in use, with a mark wherever a person may be named: in names, numbers,
// addresses, free text and the tags of signals. testdata is the repository's folder of that name.
func Seeds(testdata, mark string, models []string) (map[string][]string, error) {
	s := &sower{testdata: testdata, mark: mark}
	fhir := []string{s.bundle(), s.marked("records/minimal.fhir.json"), s.marked("records/sepsis-ward.fhir.json")}
	hl7 := strings.ReplaceAll(s.file("records/sepsis-ward.hl7"), "\n", "\r") + "NTE|1||" + mark + "\r"
	hl7 = strings.Replace(hl7, "PID|", "NK1|1|"+mark+"^Kin|SPO\rPID|", 1)
	notes := []string{
		"72M c/o chest pain, denies dyspnea. Seen with " + mark + ". BP 88/52 mmHg. Given dupilumab for " + mark + ".",
		"患者" + mark + "，男，未见肺栓塞。给予万古霉素。", mark,
	}
	out := map[string][]string{
		"bedside.v1.RecordSource.fhir_json":             fhir,
		"bedside.v1.RecordSource.hl7v2":                 {hl7},
		"bedside.v1.DeidentifyRequest.fhir_json":        fhir,
		"bedside.v1.DeidentifyRequest.fhir_ndjson":      {strings.ReplaceAll(fhir[1], "\n", "") + "\n" + strings.ReplaceAll(fhir[1], "\n", "")},
		"bedside.v1.DeidentifyRequest.hl7v2":            {hl7},
		"bedside.v1.DeidentifyRequest.text":             notes,
		"bedside.v1.GraphNote.text":                     notes,
		"bedside.v1.GraphNote.time":                     {"2026-01-02", mark},
		"bedside.v1.GraphTerm.variable":                 {"p", "q"},
		"bedside.v1.ImportTriplesRequest.nquads":        {s.nquads()},
		"bedside.v1.SuggestTreatmentsRequest.diagnosis": {"A41.9", "", "J18.9", "Z99"},
		"bedside.v1.SearchRequest.text":                 {"肺炎", "sepsis", mark},
		"bedside.v1.SignalSource.edf":                   {s.edf()},
		"bedside.v1.SignalSource.dicom":                 {s.dicom("explicit"), s.dicom("implicit"), s.dicom("report"), s.dicom("big")},
		"bedside.v1.SignalSource.wav":                   {s.wav()},
		"bedside.v1.WfdbRecord.header":                  {s.file("signals/ward.hea") + "# " + mark + "\n"},
		"bedside.v1.WfdbFile.name":                      {"ward.dat", "../" + mark},
		"bedside.v1.WfdbFile.data":                      {s.file("signals/ward.dat")},
		"bedside.v1.Constraint.regex":                   {`\d{2,3}`, "(" + mark + "|a)*", "((((a{9}){9}){9}){9}", "[" + mark},
		"bedside.v1.Constraint.json_schema":             {`{"type":"object","properties":{"` + mark + `":{"type":"integer"}},"required":["` + mark + `"]}`, `{"$ref":"#"}`, `{"` + mark},
		"bedside.v1.ChatMessage.content":                {"Is " + mark + " well?", mark},
		"bedside.v1.GenerateRequest.prompt":             {"The patient " + mark + " was", mark},
		"bedside.v1.CsvSource.data":                     {s.file("records/vitals.csv") + mark + "," + mark + ",x\n"},
	}
	maps.Copy(out, s.byName(models))
	return out, s.err
}

// byName are what fields hold that mean the same in every message.
func (s *sower) byName(models []string) map[string][]string {
	mark := s.mark
	nodes := []string{"icd10cm/A41.9", "loinc/8867-4", "patient/" + mark, "unlinked/0011", mark, "rxnorm/11124"}
	predicates := []string{"has_diagnosis", "has_finding", "was_given", "denied", mark}
	return map[string][]string{
		"birth_date": {"1954-03-02", mark},
		"start":      {"2026-01-02T03:04:05Z", mark},
		"end":        {"2026-01-02T05:04:05Z", mark},
		"node":       nodes,
		"from":       nodes,
		"to":         nodes,
		"patient":    {"p1", "icd10cm/A41.9", "patient/" + mark, mark},
		"predicate":  predicates,
		"predicates": predicates,
		"model":      append([]string{"", mark, mark + " " + mark}, models...),
		"model_name": append([]string{"", mark}, models...),
		"name":       append([]string{mark}, models...),
		"id":         {mark, "p", "o1"},
		"service":    {"", "bedside.v1.ClinicalService", "models/gru", mark},
		"inference.ModelInferRequest.raw_input_contents":        {"\x01\x00\x00\x00\x02\x00\x00\x00\x03\x00\x00\x00\x04\x00\x00\x00", mark},
		"inference.ModelInferRequest.InferInputTensor.name":     {"INPUT0", "INPUT1", "text_input", "text", "VALUES", "INDICES", "TABLE", mark},
		"inference.ModelInferRequest.InferInputTensor.datatype": {"FP32", "INT32", "INT64", "BYTES", "BOOL", "FP16", mark},
		"inference.InferTensorContents.bytes_contents":          {"The patient " + mark, mark, `{"max_tokens": 3}`},
		"request_id":                {"r1", mark},
		"symbol":                    {"bedside.v1.ClinicalService", mark},
		"file_by_filename":          {"bedside/v1/clinical.proto", mark},
		"containing_type":           {"bedside.v1.PatientRecord", mark},
		"page_token":                {"", mark, "1"},
		"language":                  {"en", "zh", "", "en", "zh", mark},
		"code":                      {"8867-4", "A41.9", "11124", "/min", mark},
		"system":                    {"http://loinc.org", "http://hl7.org/fhir/sid/icd-10-cm", mark},
		"unit":                      {"/min", "mmHg", mark},
		"bedside.v1.Quantity.value": {"72", "1e400", "-0", mark},
	}
}

// Document is a bundle of one patient, with the mark in every text that it has.
func Document(mark string) string { return (&sower{mark: mark}).bundle() }

type sower struct {
	testdata, mark string
	err            error
}

func (s *sower) file(name string) string {
	data, err := os.ReadFile(filepath.Join(s.testdata, name))
	if err != nil && s.err == nil {
		s.err = err
	}
	return string(data)
}

// marked is a FHIR document of the repository with the mark in all that is free text.
func (s *sower) marked(name string) string {
	var doc any
	if err := json.Unmarshal([]byte(s.file(name)), &doc); err != nil && s.err == nil {
		s.err = fmt.Errorf("%s: %w", name, err)
	}
	data, err := json.Marshal(s.plant("", doc))
	if err != nil && s.err == nil {
		s.err = err
	}
	return string(data)
}

func (s *sower) plant(key string, v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, inner := range v {
			v[k] = s.plant(k, inner)
		}
	case []any:
		for i := range v {
			v[i] = s.plant(key, v[i])
		}
	case string:
		switch key {
		case "text", "display", "family", "given", "conclusion", "line", "city", "description", "title":
			return v + " " + s.mark
		}
	}
	return v
}

func (s *sower) bundle() string {
	return strings.ReplaceAll(`{"resourceType":"Bundle","type":"collection","id":"MARK","entry":[
{"fullUrl":"urn:uuid:MARK","resource":{"resourceType":"Patient","id":"MARK","gender":"male","birthDate":"1954-03-02",
 "identifier":[{"system":"http://hospital.example/mrn","value":"MARK"}],"name":[{"family":"MARK","given":["MARK"],"text":"MARK"}],
 "telecom":[{"system":"phone","value":"MARK"}],"address":[{"line":["MARK"],"city":"MARK","text":"MARK"}],
 "contact":[{"name":{"family":"MARK"}}],"text":{"status":"generated","div":"<div>MARK</div>"},"extension":[{"url":"MARK","valueString":"MARK"}]}},
{"resource":{"resourceType":"Observation","id":"MARK-o","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"8867-4","display":"Heart rate"}]},
 "subject":{"reference":"Patient/MARK","display":"MARK"},"effectiveDateTime":"2026-01-02T03:04:05Z","note":[{"text":"MARK"}],
 "performer":[{"display":"MARK"}],"valueQuantity":{"value":131,"unit":"/min","system":"http://unitsofmeasure.org","code":"/min"}}},
{"resource":{"resourceType":"Observation","id":"t","status":"final","code":{"text":"MARK"},"subject":{"reference":"Patient/MARK"},
 "effectiveDateTime":"2026-01-02T03:05:05Z","valueString":"Seen with MARK, who has pneumonia."}},
{"resource":{"resourceType":"Condition","id":"c","code":{"coding":[{"system":"http://hl7.org/fhir/sid/icd-10-cm","code":"A41.9"}],"text":"MARK"},
 "subject":{"reference":"Patient/MARK"},"recordedDate":"2026-01-02","note":[{"text":"MARK"}]}},
{"resource":{"resourceType":"DiagnosticReport","id":"r","status":"final","code":{"text":"MARK"},"subject":{"reference":"Patient/MARK"},
 "conclusion":"MARK denies dyspnea.","issued":"2026-01-02T03:04:05Z"}}]}`, "MARK", s.mark)
}

func (s *sower) nquads() string {
	return `<https://bedside.example/patient/` + s.mark + `> <https://bedside.example/relation/has_diagnosis> <http://hl7.org/fhir/sid/icd-10-cm/A41.9> .
<http://a.example/` + s.mark + `> <http://b.example/says> "` + s.mark + `"@en .
`
}

// edf is a recording whose patient's field holds the mark.
func (s *sower) edf() string {
	data := []byte(s.file("../clinical/signal/edf/testdata/plain.edf"))
	if len(data) > 168 {
		copy(data[8:88], s.mark+strings.Repeat(" ", 80))
		copy(data[88:168], s.mark+strings.Repeat(" ", 80))
	}
	return string(data)
}

// dicom is an image whose patient's name, however long, became the mark.
func (s *sower) dicom(name string) string {
	data := []byte(s.file("../clinical/signal/dicom/testdata/" + name + ".dcm"))
	value := s.mark
	if len(value)%2 == 1 {
		value += " "
	}
	for _, tag := range []string{"\x10\x00\x10\x00PN", "\x10\x00\x20\x00LO"} {
		at := bytes.Index(data, []byte(tag))
		if at < 0 {
			continue
		}
		from := at + len(tag) + 2
		end := from + int(binary.LittleEndian.Uint16(data[from-2:]))
		if end <= len(data) {
			head := binary.LittleEndian.AppendUint16(append([]byte(nil), data[:from-2]...), uint16(len(value)))
			data = append(append(head, value...), data[end:]...)
		}
	}
	return string(data)
}

// wav is a tenth of a second of a tone, with the mark as its title.
func (s *sower) wav() string {
	pcm := make([]byte, 1600)
	for i := range 800 {
		binary.LittleEndian.PutUint16(pcm[2*i:], uint16(i%40*800))
	}
	chunk := func(id string, data []byte) []byte {
		if len(data)%2 == 1 {
			data = append(data, 0)
		}
		return append(binary.LittleEndian.AppendUint32([]byte(id), uint32(len(data))), data...)
	}
	format := []byte{1, 0, 1, 0, 0x40, 0x1f, 0, 0, 0x80, 0x3e, 0, 0, 2, 0, 16, 0}
	body := append([]byte("WAVE"), chunk("fmt ", format)...)
	body = append(body, chunk("LIST", append([]byte("INFO"), chunk("INAM", []byte(s.mark))...))...)
	return string(chunk("RIFF", append(body, chunk("data", pcm)...)))
}
