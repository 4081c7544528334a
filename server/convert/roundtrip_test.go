package convert_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"buf.build/go/protovalidate"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"pgregory.net/rapid"

	"github.com/bedside-lm/bedside/clinical/record"
	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
	"github.com/bedside-lm/bedside/server/convert"
)

// overTheWire is the record as a server sees it that a client wrote.
func overTheWire(t require.TestingT, rec *record.PatientRecord) *bedsidev1.PatientRecord {
	p := convert.RecordToProto(rec)
	require.NoError(t, protovalidate.Validate(p))
	data, err := proto.Marshal(p)
	require.NoError(t, err)
	out := &bedsidev1.PatientRecord{}
	require.NoError(t, proto.Unmarshal(data, out))
	return out
}

var same = cmp.Options{cmpopts.EquateEmpty(), cmpopts.EquateNaNs()}

func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := records.Draw(t, "record")
		got, err := convert.RecordFromProto(overTheWire(t, want))
		require.NoError(t, err)
		if diff := cmp.Diff(want, got, same); diff != "" {
			t.Fatalf("-sent +read:\n%s", diff)
		}
	})
}

// The sample records, read from FHIR, say the same when they are sent as messages.
func TestRoundTripOfSamples(t *testing.T) {
	files, err := filepath.Glob("../../testdata/records/*.fhir.json")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			data, err := os.ReadFile(file)
			require.NoError(t, err)
			want, err := convert.Source(&bedsidev1.RecordSource{Source: &bedsidev1.RecordSource_FhirJson{FhirJson: string(data)}}, convert.Limits{})
			require.NoError(t, err)
			got, err := convert.RecordFromProto(overTheWire(t, want))
			require.NoError(t, err)
			unsent := cmpopts.IgnoreFields(record.PatientRecord{}, "Skipped", "Notices")
			if diff := cmp.Diff(want, got, same, unsent); diff != "" {
				t.Fatalf("-FHIR +messages:\n%s", diff)
			}
		})
	}
}

func requireSame(t *testing.T, want, got proto.Message) {
	t.Helper()
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
		t.Fatalf("-want +got:\n%s", diff)
	}
}

// A record is the server's own: it stands when the message's memory is used again.
func TestRecordSharesNoMemory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := overTheWire(t, records.Draw(t, "record"))
		before, err := convert.RecordFromProto(p)
		require.NoError(t, err)
		after, err := convert.RecordFromProto(p)
		require.NoError(t, err)
		for _, o := range p.GetObservations() {
			for i := range o.GetInterpretation() {
				o.Interpretation[i] = "overwritten"
			}
			samples := o.GetValue().GetSampled().GetSamples()
			for i := range samples {
				samples[i] = -1
			}
			switch v := o.GetValue().GetValue().(type) {
			case *bedsidev1.Value_Boolean:
				v.Boolean = !v.Boolean
			case *bedsidev1.Value_Integer:
				v.Integer++
			}
		}
		for _, r := range p.GetReports() {
			for i := range r.GetResultIds() {
				r.ResultIds[i] = "overwritten"
			}
		}
		if diff := cmp.Diff(before, after, same); diff != "" {
			t.Fatal(diff)
		}
	})
}

// Whatever a message holds: no panic, a typed error within bounds, or a record that is the
// same when sent again.
func FuzzRecordFromProto(f *testing.F) {
	for i := range 8 {
		data, err := proto.Marshal(convert.RecordToProto(records.Example(i)))
		require.NoError(f, err)
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p := &bedsidev1.PatientRecord{}
		if proto.Unmarshal(data, p) != nil {
			return
		}
		first, err := convert.RecordFromProto(p)
		if err != nil {
			e, ok := errors.AsType[*record.InvalidError](err)
			require.True(t, ok)
			require.NotEmpty(t, e.Violations)
			require.LessOrEqual(t, len(e.Violations), 20)
			for _, v := range e.Violations {
				require.Regexp(t, `^record(\.[a-z_]+(\[\d+\])?)*$`, v.Path)
			}
			return
		}
		again := convert.RecordToProto(first)
		second, err := convert.RecordFromProto(again)
		require.NoError(t, err)
		if diff := cmp.Diff(first, second, same); diff != "" {
			t.Fatal(diff)
		}
		if diff := cmp.Diff(again, convert.RecordToProto(second), protocmp.Transform(), same); diff != "" {
			t.Fatal(diff)
		}
	})
}
