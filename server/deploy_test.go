package server

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
)

// Every metric that an alert or a line of docs/operating.md names is one that a server has.
func TestAlertsNameMetricsThatThereAre(t *testing.T) {
	s := startServer(t, withDeviceModels)
	_, err := bedsidev1.NewGenerationServiceClient(dial(t, s)).Generate(t.Context(), deviceQuestions(1)[0])
	require.NoError(t, err)
	families, err := s.registry.Gather()
	require.NoError(t, err)
	there := map[string]bool{"up": true}
	for _, f := range families {
		there[f.GetName()] = true
	}
	data, err := os.ReadFile("../deploy/alerts.yaml")
	require.NoError(t, err)
	var file struct {
		Groups []struct {
			Rules []struct {
				Alert, Expr string
				Annotations map[string]string
			}
		}
	}
	require.NoError(t, yaml.Unmarshal(data, &file))
	name := regexp.MustCompile(`\b(?:bedside|grpc_server|go|process)_[a-z_]*[a-z]\b`)
	names := 0
	for _, rule := range file.Groups[0].Rules {
		require.NotEmpty(t, rule.Annotations["summary"], rule.Alert)
		for _, metric := range name.FindAllString(rule.Expr, -1) {
			require.True(t, there[strings.TrimSuffix(metric, "_bucket")], "%s: there is no metric %s", rule.Alert, metric)
			names++
		}
	}
	require.Greater(t, names, 8)
}

// The manifests are YAML, and the unit and the image start what there is.
func TestManifestsCanBeRead(t *testing.T) {
	file, err := os.Open("../deploy/kubernetes.yaml")
	require.NoError(t, err)
	defer file.Close()
	kinds := map[string]bool{}
	for d := yaml.NewDecoder(file); ; {
		var doc struct{ Kind string }
		if err := d.Decode(&doc); err != nil {
			break
		}
		kinds[doc.Kind] = true
	}
	require.Equal(t, map[string]bool{"StatefulSet": true, "Service": true, "NetworkPolicy": true}, kinds)
	for _, name := range []string{"../deploy/bedside.service", "../deploy/Containerfile"} {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		for _, setting := range regexp.MustCompile(`BEDSIDE_[A-Z_]+`).FindAllString(string(text), -1) {
			readme, err := os.ReadFile("../README.md")
			require.NoError(t, err)
			require.Contains(t, string(readme), "`"+setting+"`", "%s: %s is no setting", name, setting)
		}
	}
}
