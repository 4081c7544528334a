package main

import (
	"context"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/bedside-lm/bedside/clinical/hl7v2"
	"github.com/bedside-lm/bedside/clinical/hl7v2/mllp"
	"github.com/bedside-lm/bedside/clinical/prepare/cohort"
	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
)

const sampleRecords = "../../testdata/records/"

func TestPrepareOneRecord(t *testing.T) {
	for name, args := range map[string][]string{
		"FHIR":  {"sepsis-ward.fhir.json"},
		"HL7":   {"sepsis-ward.hl7"},
		"table": {"vitals.csv", "--mapping", sampleRecords + "vitals.mapping.yaml"},
	} {
		t.Run(name, func(t *testing.T) {
			args = append([]string{"prepare", sampleRecords + args[0]}, args[1:]...)
			text := command(t.Context(), nil, append(args, "--fill-interval", "1h")...)
			require.Zero(t, text.code, text.err)
			for _, want := range []string{"What preparation did", "units", "duplicates", "gaps", "Vital signs", "readings"} {
				require.Contains(t, text.out, want)
			}
			asJSON := command(t.Context(), nil, append(args, "--output", "json", "--lang", "zh", "--style", "compact")...)
			require.Zero(t, asJSON.code, asJSON.err)
			var prepared bedsidev1.PreparedRecord
			require.NoError(t, protojson.Unmarshal([]byte(asJSON.out), &prepared))
			require.NotEmpty(t, prepared.GetRecord().GetObservations())
			require.Equal(t, "zh", prepared.GetText().GetLanguage())
			require.NotEmpty(t, prepared.GetFeatures().GetValues())
		})
	}
}

func TestPrepareSaysWhatIsWrong(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "bad.json")
	require.NoError(t, os.WriteFile(bad, []byte(`{"resourceType": "Bundle", "type": "collection", "entry": [{"resource": {"resourceType": "Patient", "birthDate": "soon"}}]}`), 0o600))
	r := command(t.Context(), nil, "prepare", bad)
	require.Equal(t, exitFailure, r.code)
	require.Contains(t, r.err, "Bundle.entry[0].resource.birthDate")
	for name, args := range map[string][]string{
		"several without --out": {"a", "b"}, "split without --out": {sampleRecords + "minimal.fhir.json", "--split", "0.8,0.1,0.1"},
		"shares": {"a", "--out", "b", "--split", "0.8,0.3,0.1"}, "not shares": {"a", "--out", "b", "--split", "most"}, "labels": {"a", "--out", "b", "--label", "file"},
		"table without mapping": {sampleRecords + "vitals.csv"}, "odd step": {"a", "--fill-interval", "90s"}, "missing": {"nowhere", "--out", "b"},
	} {
		require.Equal(t, exitUsage, command(t.Context(), nil, append([]string{"prepare"}, args...)...).code, name)
	}
}

func TestPrepareACohort(t *testing.T) {
	out := filepath.Join(t.TempDir(), "cohort")
	args := []string{
		"prepare", sampleRecords + "sepsis-icu.fhir.json", sampleRecords + "diabetes-ward.fhir.json", sampleRecords + "minimal.fhir.json", "--out", out,
		"--lang", "en,zh", "--style", "compact", "--split", "0.4,0.3,0.3", "--label", "diagnosis",
	}
	r := command(t.Context(), nil, args...)
	require.Zero(t, r.code, r.err)
	require.Contains(t, r.out, "3 patients")
	data, err := os.ReadFile(filepath.Join(out, cohort.ManifestName))
	require.NoError(t, err)
	var m cohort.Manifest
	require.NoError(t, json.Unmarshal(data, &m))
	require.Equal(t, 3, m.Patients)
	texts := 0
	for _, o := range m.Outputs {
		if strings.Contains(o.Path, "text-") {
			texts += o.Rows
		}
	}
	require.Equal(t, 6, texts)
	require.Zero(t, command(t.Context(), nil, args...).code, "a cohort that is done is done")
	other := command(t.Context(), nil, append(args, "--seed", "5")...)
	require.Equal(t, exitUsage, other.code)
	require.Contains(t, other.err, "another job")
}

func TestListen(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	addr := l.Addr().String()
	require.NoError(t, l.Close())
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan result, 1)
	go func() { done <- command(ctx, nil, "listen", "--mllp", addr, "--out", dir) }()
	var conn net.Conn
	require.Eventually(t, func() bool {
		conn, err = net.Dial("tcp", addr)
		return err == nil
	}, 10*time.Second, 10*time.Millisecond)
	defer conn.Close()
	data, err := os.ReadFile(sampleRecords + "sepsis-ward.hl7")
	require.NoError(t, err)
	frames := mllp.NewReader(conn, 0)
	codes := ""
	for m, err := range hl7v2.NewMessages(strings.NewReader(string(data)+"MSH|^~\\&|A|B|C|D|2026||ORU^R01|C9|P|2.6\rPID|||\r"), "", hl7v2.Limits{}).All() {
		require.NoError(t, err)
		require.NoError(t, mllp.Write(conn, m.Text))
		ack, err := frames.Next()
		require.NoError(t, err)
		_, rest, _ := strings.Cut(string(ack), "MSA|")
		codes += rest[:3]
	}
	require.Equal(t, "AA|AA|AE|", codes)
	cancel()
	r := <-done
	require.Contains(t, r.out, "2 messages stored, 1 refused")
	files, err := filepath.Glob(filepath.Join(dir, "*.hl7"))
	require.NoError(t, err)
	require.Len(t, files, 1)
	stored, err := os.ReadFile(files[0])
	require.NoError(t, err)
	rec, err := hl7v2.Parse(stored, hl7v2.Limits{})
	require.NoError(t, err)
	require.Len(t, rec.Observations, 7)
	require.Equal(t, exitUsage, command(t.Context(), nil, "listen", "--mllp", "0.0.0.0:0", "--out", dir).code)
}

func TestDescribeWantsAKnownFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.mp3")
	require.NoError(t, os.WriteFile(path, []byte("x"), 0o600))
	require.Equal(t, exitUsage, command(t.Context(), nil, "describe", path).code)
}

func TestDescribeASample(t *testing.T) {
	for lang, want := range map[string]string{"en": "sinus tachycardia", "zh": "窦性心动过速"} {
		r := command(t.Context(), nil, "describe", "../../testdata/signals/ward.hea", "--lang", lang)
		require.Zero(t, r.code, r.err)
		require.Contains(t, r.out, want)
	}
}
