package hl7v2_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/clinical/hl7v2"
)

func TestTexts(t *testing.T) {
	message := "MSH|^~\\&|A|B|C|D|20260102||ORU^R01|C1|P|2.6\rPID|||p\rNTE|1||first\\T\\line~second\rNTE|2||third\r" +
		"OBR|1|||x^y^L|||20260102\rOBX|1|NM|x^y^L||1\rNTE|1||of the result\rNTE|2||\r"
	got := hl7v2.Texts([]byte(message), hl7v2.Limits{})
	require.Len(t, got, 2)
	require.Equal(t, "first&line\nsecond\nthird", got[0].Text)
	require.Equal(t, "NTE/C1#1", got[0].ID)
	require.Equal(t, "of the result", got[1].Text)
	require.Empty(t, hl7v2.Texts([]byte("nonsense"), hl7v2.Limits{}))
	require.Empty(t, hl7v2.Texts([]byte("MSH|^~\\&|A\rxx"), hl7v2.Limits{}))
}

func FuzzTexts(f *testing.F) {
	f.Add("MSH|^~\\&|A|B|C|D|2026||ORU^R01|C1|P|2.6\rNTE|1||a\\X41\\~b\r")
	f.Fuzz(func(_ *testing.T, data string) { hl7v2.Texts([]byte(data), hl7v2.Limits{}) })
}
