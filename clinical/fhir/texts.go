package fhir

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"strings"

	"github.com/bedside-lm/bedside/clinical/record"
)

// worded is the part of a resource that is in words, of whatever type it is.
type worded struct {
	ResourceType, ID, Status string
	Subject, Patient         struct{ Reference string }
	Note                     []struct{ Text, Time string }
	// Of a ClinicalImpression.
	Summary, Description string
	// Of a Composition.
	Section []wordedSection
	// Of a DocumentReference.
	Content []struct {
		Attachment struct{ ContentType, Data string }
	}
	Entry []struct{ Resource json.RawMessage } // of a Bundle

	Date, RecordedDate, EffectiveDateTime, AuthoredOn, PerformedDateTime string
}

type wordedSection struct {
	Text    struct{ Div string }
	Section []wordedSection
}

const maxSections = 8 // within one another

// Texts gives what a Bundle or resource that Parse takes says of a patient in words: comments (Annotation) of any
// resource, ClinicalImpression, the sections of a Composition, documents of plain text or HTML. It gives the first
// record.MaxTexts of them. Texts that name another patient, and what was entered in error, are left out.
func Texts(data []byte, patient string) []record.Text {
	var top worded
	if json.Unmarshal(bytes.TrimPrefix(data, []byte("\ufeff")), &top) != nil {
		return nil
	}
	c := textCollector{patient: patient}
	c.resource(&top)
	for _, e := range top.Entry {
		var r worded
		// A member of another type than these have in R4 is of no use here; Parse says so where it matters.
		if json.Unmarshal(e.Resource, &r) == nil {
			c.resource(&r)
		}
	}
	return c.texts
}

type textCollector struct {
	patient string
	texts   []record.Text
}

func (c *textCollector) resource(r *worded) {
	for _, reference := range []string{r.Subject.Reference, r.Patient.Reference} {
		if id, named := strings.CutPrefix(reference, "Patient/"); named && id != c.patient {
			return
		}
	}
	if r.Status == "entered-in-error" {
		return
	}
	at := firstOf(r.Date, r.RecordedDate, r.EffectiveDateTime, r.AuthoredOn, r.PerformedDateTime)
	place := 0
	add := func(text, time string) {
		text = strings.TrimSpace(text)
		if text == "" || len(c.texts) == record.MaxTexts {
			return
		}
		when, err := record.ParseDateTime(firstOf(time, at))
		if err != nil {
			when = record.DateTime{}
		}
		id := fmt.Sprintf("%s/%s#%d", r.ResourceType, r.ID, place)
		c.texts = append(c.texts, record.Text{ID: id, Text: record.CutText(text), Time: when})
		place++
	}
	for _, n := range r.Note {
		add(n.Text, n.Time)
	}
	switch r.ResourceType {
	case "ClinicalImpression":
		add(r.Description, "")
		add(r.Summary, "")
	case "Composition":
		sections(r.Section, maxSections, func(text string) { add(text, "") })
	case "DocumentReference":
		for _, content := range r.Content {
			add(attached(content.Attachment.ContentType, content.Attachment.Data), "")
		}
	}
}

func firstOf(of ...string) string {
	for _, s := range of {
		if s != "" {
			return s
		}
	}
	return ""
}

func sections(of []wordedSection, depth int, add func(string)) {
	if depth == 0 {
		return
	}
	for _, s := range of {
		add(plain(s.Text.Div))
		sections(s.Section, depth-1, add)
	}
}

// attached is the text of a document; "" for one of another kind.
func attached(kind, data string) string {
	kind, _, _ = strings.Cut(strings.ToLower(kind), ";")
	raw, err := base64.StdEncoding.DecodeString(data)
	if err != nil {
		return ""
	}
	text := strings.ToValidUTF8(string(raw), "\uFFFD")
	switch strings.TrimSpace(kind) {
	case "text/plain":
		return text
	case "text/html", "application/xhtml+xml":
		return plain(text)
	}
	return ""
}

// blocks are the elements of XHTML that begin a line.
var blocks = map[string]bool{"p": true, "div": true, "li": true, "tr": true, "br": true, "h1": true, "h2": true, "h3": true, "h4": true, "td": true}

// plain is the text of XHTML, a line a block; as far as it is well made.
func plain(xhtml string) string {
	in := xml.NewDecoder(strings.NewReader(xhtml))
	in.Strict, in.AutoClose, in.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	var out strings.Builder
	for out.Len() <= record.MaxTextBytes {
		token, err := in.Token()
		if err != nil {
			break
		}
		switch t := token.(type) {
		case xml.CharData:
			out.WriteString(strings.Join(strings.Fields(string(t)), " ") + " ")
		case xml.StartElement:
			if blocks[strings.ToLower(t.Name.Local)] {
				out.WriteByte('\n')
			}
		}
	}
	return out.String()
}
