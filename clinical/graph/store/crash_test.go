package store_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/bedside-lm/bedside/clinical/graph"
	"github.com/bedside-lm/bedside/clinical/graph/store"
)

const childEnv = "BEDSIDE_TEST_GRAPH"

func TestMain(m *testing.M) {
	if path := os.Getenv(childEnv); path != "" {
		writeAll(path)
		return
	}
	goleak.VerifyTestMain(m)
}

const manyTriples = 1000

// oneTriple is the i-th of those that the child writes.
func oneTriple(i int) *graph.Graph {
	p := "patient/" + strconv.Itoa(i%10)
	return &graph.Graph{
		Nodes: []graph.Node{{ID: p, Kind: graph.KindPatient}},
		Triples: []graph.Triple{{
			Subject: p, Predicate: graph.Age, Value: graph.Value{Type: graph.TypeNumber, Text: strconv.Itoa(i)},
			Provenance: []graph.Provenance{{Record: "r", Method: graph.MethodStructured, Confidence: 1}},
		}},
	}
}

// writeAll is what the child does: it writes, and says so of each once it is acknowledged.
func writeAll(path string) {
	s, err := store.Open(context.Background(), path)
	if err != nil {
		panic(err)
	}
	for i := range manyTriples {
		if _, err := s.Put(context.Background(), "", oneTriple(i)); err != nil {
			panic(err)
		}
		fmt.Println(i)
	}
}

// child writes until it is done or has acknowledged so many, when it is killed.
func child(t *testing.T, path string, until int) (acknowledged int) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+path)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	for lines := bufio.NewScanner(out); lines.Scan(); {
		acknowledged++
		if acknowledged == until {
			require.NoError(t, cmd.Process.Kill()) // SIGKILL; what was on its way is still read
		}
	}
	_ = cmd.Wait()
	return acknowledged
}

func TestNothingAcknowledgedIsLost(t *testing.T) {
	path := filepath.Join(t.TempDir(), "graph.db")
	acknowledged := child(t, path, 437)
	require.GreaterOrEqual(t, acknowledged, 437)
	require.Less(t, acknowledged, manyTriples)
	have := values(t, path)
	for i := range acknowledged {
		require.True(t, have[strconv.Itoa(i)], "statement %d was acknowledged", i)
	}
	require.Equal(t, manyTriples, child(t, path, 0), "the same again, to the end")
	require.Len(t, values(t, path), manyTriples)
}

func values(t *testing.T, path string) map[string]bool {
	s := open(t, path)
	out, after := map[string]bool{}, ""
	for {
		page, err := s.Page(t.Context(), "", after, 300)
		require.NoError(t, err)
		for _, tr := range page.Triples {
			require.False(t, out[tr.Value.Text], "a statement stands twice")
			require.Len(t, tr.Provenance, 1)
			out[tr.Value.Text] = true
		}
		if after = page.Next; after == "" {
			return out
		}
	}
}
