package server

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/bedside-lm/bedside/clinical/deid"
	"github.com/bedside-lm/bedside/clinical/record"
	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
	"github.com/bedside-lm/bedside/server/config"
	"github.com/bedside-lm/bedside/server/tenant"
)

func TestDeidentify(t *testing.T) {
	secret := strings.Repeat("k", 32)
	path := filepath.Join(t.TempDir(), "key")
	require.NoError(t, os.WriteFile(path, []byte(secret), 0o600))
	var log bytes.Buffer
	cfg := defaults(t)
	withoutModels(&cfg)
	cfg.DeidKeyFile = path
	s, err := Start(t.Context(), cfg, slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Shutdown(t.Context())) })
	client, ctx := bedsidev1.NewPreparationServiceClient(dial(t, s)), t.Context()

	text := "Dr. Whitfield saw 患者张伟，男 on 2024-03-05; MRN 7734201."
	req := &bedsidev1.DeidentifyRequest{Input: &bedsidev1.DeidentifyRequest_Text{Text: text}, Reversible: true}
	got, err := client.Deidentify(ctx, req)
	require.NoError(t, err)
	require.Equal(t, "Dr. [NAME] saw 患者[NAME]，男 on 2024; MRN [MRN].", got.GetOutput())
	require.Equal(t, map[string]int32{"NAME": 2, "DATE": 1, "MRN": 1}, got.GetCounts())
	require.Equal(t, "7734201", text[got.GetSpans()[3].GetStart():got.GetSpans()[3].GetEnd()])
	require.True(t, got.GetKeyed())
	keys, err := deid.NewKeys([]byte(secret))
	require.NoError(t, err)
	back, err := keys.Reverse(got.GetOutput(), got.GetSealed())
	require.NoError(t, err)
	require.Equal(t, text, back)

	hashed := &bedsidev1.DeidentifyRequest{Input: req.GetInput(), Policy: &bedsidev1.DeidentificationPolicy{
		DefaultAction: bedsidev1.DeidentificationAction_DEIDENTIFICATION_ACTION_HASH,
		Actions:       map[string]bedsidev1.DeidentificationAction{"DATE": bedsidev1.DeidentificationAction_DEIDENTIFICATION_ACTION_SHIFT},
	}}
	mine, err := client.Deidentify(ctx, hashed)
	require.NoError(t, err)
	require.NotContains(t, mine.GetOutput(), "7734201")
	other, err := client.Deidentify(metadata.AppendToOutgoingContext(ctx, tenant.Key, "other"), hashed)
	require.NoError(t, err)
	require.NotEqual(t, mine.GetOutput(), other.GetOutput(), "two tenants cannot tell that they have the same patient")

	for field, bad := range map[string]*bedsidev1.DeidentifyRequest{
		"input":                {},
		"language":             {Input: req.GetInput(), Language: "fr"},
		"policy.actions[NAME]": {Input: req.GetInput(), Policy: &bedsidev1.DeidentificationPolicy{Actions: map[string]bedsidev1.DeidentificationAction{"NAME": bedsidev1.DeidentificationAction_DEIDENTIFICATION_ACTION_SHIFT}}},
		"policy.known":         {Input: req.GetInput(), Known: []*bedsidev1.KnownIdentifier{{Type: "NICKNAME", Value: "x"}}},
		"document":             {Input: &bedsidev1.DeidentifyRequest_FhirJson{FhirJson: `{"name": "Whitfield`}},
		"message":              {Input: &bedsidev1.DeidentifyRequest_Hl7V2{Hl7V2: "PID|1||Whitfield"}},
	} {
		_, err := client.Deidentify(ctx, bad)
		require.Equal(t, codes.InvalidArgument, status.Code(err), field)
		require.Contains(t, violated(t, err), field)
		require.NotContains(t, err.Error(), "Whitfield")
	}
	for _, value := range []string{"Whitfield", "张伟", "7734201", "2024-03-05"} {
		require.NotContains(t, log.String(), value)
	}
}

// violated lists the fields that an error names.
func violated(t *testing.T, err error) []string {
	t.Helper()
	var out []string
	for _, p := range failure(status.Convert(err)).GetProblems() {
		out = append(out, p.GetPath())
	}
	return out
}

func TestDeidentifyWithoutAKey(t *testing.T) {
	d, err := newDeidentifier(config.Config{MaxRecordBytes: 1 << 20})
	require.NoError(t, err)
	s := &preparationService{deid: d}
	req := &bedsidev1.DeidentifyRequest{Input: &bedsidev1.DeidentifyRequest_Text{Text: "MRN 7734201"}}
	got, err := s.Deidentify(t.Context(), req)
	require.NoError(t, err)
	require.False(t, got.GetKeyed())
	req.Reversible = true
	_, err = s.Deidentify(t.Context(), req)
	require.ErrorContains(t, err, "--deid-key-file")

	open := filepath.Join(t.TempDir(), "open")
	require.NoError(t, os.WriteFile(open, []byte(strings.Repeat("k", 32)), 0o600))
	require.NoError(t, os.Chmod(open, 0o644))
	short := filepath.Join(t.TempDir(), "short")
	require.NoError(t, os.WriteFile(short, []byte("k"), 0o600))
	for _, path := range []string{open, short, "nowhere"} {
		_, err = newDeidentifier(config.Config{DeidKeyFile: path})
		require.ErrorAs(t, err, new(*config.Error), path)
	}
}

func TestPromptsAreFreeOfIdentifiersUnlessToldOtherwise(t *testing.T) {
	source := fhirSource(`{"resourceType": "Patient", "id": "p", "name": [{"family": "Zweig", "given": ["Xan"]}]}`)
	for on, want := range map[bool]string{true: "[NAME] agrees, Dr. [NAME] was told on 2024-03-05", false: "Xan agrees, Dr. Whitfield was told on 2024-03-05"} {
		p := promptsOf(config.Config{DeidentifyPrompts: on})
		rec := &record.PatientRecord{Reports: []record.Report{{Conclusion: "Xan agrees, Dr. Whitfield was told on 2024-03-05"}}}
		require.NoError(t, p.clean(rec, source))
		require.Equal(t, want, rec.Reports[0].Conclusion)
		text, err := p.masked("Xan agrees, Dr. Whitfield was told on 2024-03-05", p.known(source))
		require.NoError(t, err)
		require.Equal(t, map[bool]string{true: "XXX agrees, Dr. XXXXXXXXX was told on 2024-03-05", false: "Xan agrees, Dr. Whitfield was told on 2024-03-05"}[on], text)
	}
	require.True(t, defaults(t).DeidentifyPrompts)
}
