package fhir_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/clinical/fhir"
	"github.com/bedside-lm/bedside/clinical/record"
)

func TestTexts(t *testing.T) {
	document := base64.StdEncoding.EncodeToString([]byte("否认胸痛。"))
	data := `{"resourceType":"Bundle","entry":[
	 {"resource":{"resourceType":"Condition","id":"c1","subject":{"reference":"Patient/p"},"recordedDate":"2026-01-02","note":[{"text":"Denies cough."},{"time":"2026-01-03","text":" Gout. "}]}},
	 {"resource":{"resourceType":"Condition","id":"c2","subject":{"reference":"Patient/q"},"note":[{"text":"another patient's"}]}},
	 {"resource":{"resourceType":"Observation","id":"o","status":"entered-in-error","note":[{"text":"an error"}]}},
	 {"resource":{"resourceType":"ClinicalImpression","id":"i","summary":"Possible sepsis.","date":"2026"}},
	 {"resource":{"resourceType":"Composition","id":"k","section":[{"text":{"div":"<div><p>Given <b>aspirin</b>.</p><p>HR&nbsp;118</p></div>"},"section":[{"text":{"div":"<div>x<"}}]}]}},
	 {"resource":{"resourceType":"DocumentReference","id":"d","content":[{"attachment":{"contentType":"text/plain; charset=utf-8","data":"` + document + `"}},
	   {"attachment":{"contentType":"application/pdf","data":"` + document + `"}},{"attachment":{"contentType":"text/plain","data":"?"}}]}},
	 {"resource":{"resourceType":"Basic","id":"b","note":"no array"}}, {"resource":7}, {}]}`
	var got []string
	for _, text := range fhir.Texts([]byte("\ufeff"+data), "p") {
		got = append(got, text.ID+" "+text.Time.String()+" "+strings.Join(strings.Fields(text.Text), " "))
	}
	require.Equal(t, []string{
		"Condition/c1#0 2026-01-02 Denies cough.", "Condition/c1#1 2026-01-03 Gout.", "ClinicalImpression/i#0 2026 Possible sepsis.",
		"Composition/k#0  Given aspirin . HR 118", "Composition/k#1  x", "DocumentReference/d#0  否认胸痛。",
	}, got)
	require.Empty(t, fhir.Texts([]byte("{"), "p"))
	many := strings.Repeat(`{"text":"肺炎"},`, record.MaxTexts)
	long := fmt.Sprintf(`{"resourceType":"Condition","id":"c","note":[%s{"text":"%s"}]}`, many, strings.Repeat("肺", record.MaxTextBytes))
	require.Len(t, fhir.Texts([]byte(long), "p"), record.MaxTexts)
}

func FuzzTexts(f *testing.F) {
	f.Add(`{"resourceType":"Composition","section":[{"text":{"div":"<div>a<br/>b&amp;c</div>"}}]}`)
	f.Add(`{"resourceType":"Condition","note":[{"text":"x","time":"2026"}]}`)
	f.Add(`{"entry":[{"resource":{"note":[{}]}}]}`)
	f.Fuzz(func(t *testing.T, data string) {
		for _, text := range fhir.Texts([]byte(data), "p") {
			require.LessOrEqual(t, len(text.Text), record.MaxTextBytes)
			require.NotEmpty(t, text.Text)
		}
	})
}
