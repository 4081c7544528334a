package server

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
	"github.com/bedside-lm/bedside/server/config"
)

func withoutModels(c *config.Config) { c.Model, c.EmbeddingModel = "", "" }

func recordFile(t testing.TB, name string) string {
	data, err := os.ReadFile("../testdata/records/" + name)
	require.NoError(t, err)
	return string(data)
}

func fhirSource(text string) *bedsidev1.RecordSource {
	return &bedsidev1.RecordSource{Source: &bedsidev1.RecordSource_FhirJson{FhirJson: text}}
}

// prepareAll sends requests and collects their answers.
func prepareAll(t *testing.T, s *Server, requests ...*bedsidev1.PrepareRecordsRequest) []*bedsidev1.PrepareRecordsResponse {
	t.Helper()
	stream, err := bedsidev1.NewPreparationServiceClient(dial(t, s)).PrepareRecords(t.Context())
	require.NoError(t, err)
	go func() {
		for _, r := range requests {
			_ = stream.Send(r)
		}
		_ = stream.CloseSend()
	}()
	var out []*bedsidev1.PrepareRecordsResponse
	for {
		answer, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return out
		}
		require.NoError(t, err)
		out = append(out, answer)
	}
}

func TestRecordsArePreparedInOrder(t *testing.T) {
	s := startServer(t, withoutModels)
	text := &bedsidev1.TextOptions{Language: "zh", Style: bedsidev1.TextStyle_TEXT_STYLE_COMPACT, TokenBudget: 400, RelativeTimes: true}
	options := &bedsidev1.PreparationOptions{FillIntervalMinutes: 60, IncludeRaw: true, IncludeFeatures: true, Text: text}
	answers := prepareAll(t, s,
		&bedsidev1.PrepareRecordsRequest{RequestId: "icu", Source: fhirSource(recordFile(t, "sepsis-icu.fhir.json")), Options: options},
		&bedsidev1.PrepareRecordsRequest{RequestId: "broken", Source: fhirSource(`{"resourceType": "Bundle", "type": "collection", "entry": [{"resource": {"resourceType": "Patient", "id": "p", "gender": "unclear"}}]}`)},
		&bedsidev1.PrepareRecordsRequest{RequestId: "against the rules", Source: fhirSource("{}"), Options: &bedsidev1.PreparationOptions{FillIntervalMinutes: -1}},
		&bedsidev1.PrepareRecordsRequest{RequestId: "empty"},
		&bedsidev1.PrepareRecordsRequest{RequestId: "hl7", Source: &bedsidev1.RecordSource{Source: &bedsidev1.RecordSource_Hl7V2{Hl7V2: recordFile(t, "sepsis-ward.hl7")}}},
	)
	var ids []string
	for _, a := range answers {
		ids = append(ids, a.GetRequestId())
	}
	require.Equal(t, []string{"icu", "broken", "against the rules", "empty", "hl7"}, ids)

	icu := answers[0].GetPrepared()
	require.NotNil(t, icu)
	var stages []string
	for _, r := range icu.GetReports() {
		stages = append(stages, r.GetStage())
		require.NotEmpty(t, r.GetSource())
	}
	require.Equal(t, []string{"units", "clock", "duplicates", "plausibility", "artefacts", "gaps"}, stages)
	require.NotEmpty(t, icu.GetText().GetText())
	require.LessOrEqual(t, icu.GetText().GetTokens(), int32(400))
	require.Positive(t, icu.GetText().GetOmittedFacts())
	require.Equal(t, "bedside.features.v1", icu.GetFeatures().GetSchema())
	known := 0
	for _, v := range icu.GetFeatures().GetValues() {
		if v.Value != nil {
			known++
			require.False(t, math.IsNaN(v.GetValue()))
		}
	}
	require.Positive(t, known)
	raw := map[string]bool{}
	for _, o := range icu.GetRaw() {
		raw[o.GetId()] = true
	}
	for _, o := range icu.GetRecord().GetObservations() {
		for _, m := range o.GetMarks() {
			if m == "converted" || m == "merged" {
				require.True(t, raw[o.GetId()], "a reading that was changed is there as it was filed")
			}
		}
	}

	broken := answers[1].GetFailure()
	require.Equal(t, int32(codes.InvalidArgument), broken.GetCode())
	require.Equal(t, "Bundle.entry[0].resource.gender", broken.GetProblems()[0].GetPath())
	require.Equal(t, "options.fill_interval_minutes", answers[2].GetFailure().GetProblems()[0].GetPath())
	require.Equal(t, "source", answers[3].GetFailure().GetProblems()[0].GetPath())

	require.Len(t, answers[4].GetPrepared().GetRecord().GetObservations(), 7)
}

func TestManyRecordsOfOneStream(t *testing.T) {
	s := startServer(t, withoutModels)
	var requests []*bedsidev1.PrepareRecordsRequest
	text := recordFile(t, "minimal.fhir.json")
	for i := range 300 {
		requests = append(requests, &bedsidev1.PrepareRecordsRequest{RequestId: strings.Repeat("i", i%100), Source: fhirSource(text)})
	}
	answers := prepareAll(t, s, requests...)
	require.Len(t, answers, 300)
	for i, a := range answers {
		require.Equal(t, requests[i].GetRequestId(), a.GetRequestId())
		require.NotNil(t, a.GetPrepared())
	}
}

func TestAClientThatDoesNotReadIsHeldUp(t *testing.T) {
	s := startServer(t, withoutModels)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stream, err := bedsidev1.NewPreparationServiceClient(dial(t, s)).PrepareRecords(ctx)
	require.NoError(t, err)
	sent := make(chan int, 1)
	request := &bedsidev1.PrepareRecordsRequest{Source: fhirSource(recordFile(t, "sepsis-icu.fhir.json"))}
	go func() {
		n := 0
		for n < 1000 && stream.Send(request) == nil {
			n++
		}
		sent <- n
	}()
	select {
	case n := <-sent:
		t.Fatalf("%d records of 100 kB were taken from a client that reads no answer", n)
	case <-time.After(2 * time.Second):
	}
	cancel()
	require.Less(t, <-sent, 1000)
}

func TestAStreamEndsWithTheServer(t *testing.T) {
	cfg := defaults(t)
	withoutModels(&cfg)
	s, err := Start(t.Context(), cfg, quiet())
	require.NoError(t, err)
	stream, err := bedsidev1.NewPreparationServiceClient(dial(t, s)).PrepareRecords(t.Context())
	require.NoError(t, err)
	require.NoError(t, stream.Send(&bedsidev1.PrepareRecordsRequest{RequestId: "last", Source: fhirSource(recordFile(t, "minimal.fhir.json"))}))
	answer, err := stream.Recv()
	require.NoError(t, err)
	require.NotNil(t, answer.GetPrepared())
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	require.NoError(t, s.Shutdown(ctx))
	_, err = stream.Recv()
	require.Equal(t, codes.Unavailable, status.Code(err))
}

// beeps is a WAV file of a second of a quiet tone.
func beeps() []byte {
	var b bytes.Buffer
	const rate = 8000
	b.WriteString("RIFF")
	_ = binary.Write(&b, binary.LittleEndian, uint32(36+2*rate))
	b.WriteString("WAVEfmt ")
	for _, v := range []any{uint32(16), uint16(1), uint16(1), uint32(rate), uint32(2 * rate), uint16(2), uint16(16)} {
		_ = binary.Write(&b, binary.LittleEndian, v)
	}
	b.WriteString("data")
	_ = binary.Write(&b, binary.LittleEndian, uint32(2*rate))
	for i := range rate {
		_ = binary.Write(&b, binary.LittleEndian, int16(3000*math.Sin(2*math.Pi*440*float64(i)/rate)))
	}
	return b.Bytes()
}

func TestSignalsAreDescribed(t *testing.T) {
	s := startServer(t, withoutModels)
	client := bedsidev1.NewPreparationServiceClient(dial(t, s))
	signalFile := func(name string) []byte {
		data, err := os.ReadFile("../clinical/signal/" + name)
		require.NoError(t, err)
		return data
	}
	samples := make([]float64, 1000)
	for i := range samples {
		samples[i] = math.Sin(float64(i) / 20)
	}
	sampled := &bedsidev1.SampledSignal{
		Code: &bedsidev1.Concept{Codings: []*bedsidev1.Coding{{System: "urn:iso:std:iso:11073:10101", Code: "131330"}}},
		Data: &bedsidev1.SampledData{Origin: &bedsidev1.Quantity{Value: "0", Unit: "mV", Code: "mV"}, PeriodMs: 4, Dimensions: 1, Samples: samples},
	}
	for name, c := range map[string]struct {
		source *bedsidev1.SignalSource
		kind   string
	}{
		"FHIR": {&bedsidev1.SignalSource{Source: &bedsidev1.SignalSource_Sampled{Sampled: sampled}}, "ecg"},
		"WFDB": {&bedsidev1.SignalSource{Source: &bedsidev1.SignalSource_Wfdb{Wfdb: &bedsidev1.WfdbRecord{
			Header: signalFile("wfdb/testdata/lead212.hea"), Files: []*bedsidev1.WfdbFile{{Name: "lead212.dat", Data: signalFile("wfdb/testdata/lead212.dat")}},
			Annotations: signalFile("wfdb/testdata/lead212.atr"),
		}}}, "ecg"},
		"EDF": {&bedsidev1.SignalSource{Source: &bedsidev1.SignalSource_Edf{Edf: signalFile("edf/testdata/plain.edf")}}, ""},
		"WAV": {&bedsidev1.SignalSource{Source: &bedsidev1.SignalSource_Wav{Wav: beeps()}}, "sound"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, language := range []string{"", "zh"} {
				answer, err := client.DescribeSignal(t.Context(), &bedsidev1.DescribeSignalRequest{Source: c.source, Language: language})
				require.NoError(t, err)
				require.NotEmpty(t, answer.GetNotice())
				require.NotEmpty(t, answer.GetDescriptions())
				first := answer.GetDescriptions()[0]
				if c.kind != "" {
					require.Equal(t, c.kind, first.GetKind())
				}
				require.NotEmpty(t, append(first.GetSentences(), first.GetLimits()...))
			}
		})
	}
	for name, c := range map[string]struct {
		source *bedsidev1.SignalSource
		field  string
	}{
		"none":         {nil, "source"},
		"missing file": {&bedsidev1.SignalSource{Source: &bedsidev1.SignalSource_Wfdb{Wfdb: &bedsidev1.WfdbRecord{Header: signalFile("wfdb/testdata/lead212.hea")}}}, "header"},
		"not an EDF":   {&bedsidev1.SignalSource{Source: &bedsidev1.SignalSource_Edf{Edf: []byte("hello")}}, ""},
		"not a WAV":    {&bedsidev1.SignalSource{Source: &bedsidev1.SignalSource_Wav{Wav: []byte("hello")}}, ""},
		"not DICOM":    {&bedsidev1.SignalSource{Source: &bedsidev1.SignalSource_Dicom{Dicom: []byte("hello")}}, ""},
	} {
		_, err := client.DescribeSignal(t.Context(), &bedsidev1.DescribeSignalRequest{Source: c.source})
		require.Equal(t, codes.InvalidArgument, status.Code(err), name)
		require.Contains(t, fmt.Sprint(status.Convert(err).Details()), c.field, name)
	}
}
