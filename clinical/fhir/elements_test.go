package fhir

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A path names what FHIR has, and nothing that a sender wrote in its place.
func TestPathsNameElementsAlone(t *testing.T) {
	for in, want := range map[string]string{
		"Bundle.entry[1].resource.valueQuantity.value": "Bundle.entry[1].resource.valueQuantity.value",
		"Bundle.entry[1].resource.value[x]":            "Bundle.entry[1].resource.value[x]",
		"Bundle.entry[1].resource._birthDate":          "Bundle.entry[1].resource._birthDate",
		"Bundle.entry[1].resource.valueZhangSan":       "Bundle.entry[1].resource.?",
		"Bundle.entry[1].resource.zhangSan[2].code":    "Bundle.entry[1].resource.?[2].code",
		"Patient": "Patient",
	} {
		require.Equal(t, want, knownPath(in))
	}
	_, err := Parse([]byte(`{"resourceType":"Bundle","type":"collection","entry":[{"resource":{"resourceType":"Patient","id":"p","zhangSan":1,"zhangSan":2}}]}`), Limits{})
	require.Error(t, err)
	require.NotContains(t, err.Error(), "zhang")
	require.Contains(t, err.Error(), "Bundle.entry[0].resource.?")
}
