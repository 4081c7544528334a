package embed

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/bedside-lm/bedside/runtime/ort"
	"github.com/bedside-lm/bedside/runtime/repository"
	"github.com/bedside-lm/bedside/runtime/tokenizer"
)

const modelName = "multilingual-e5-small"

// suite closes what the tests share before goroutines are counted.
type suite struct{ *testing.M }

func (s suite) Run() int {
	code := s.M.Run()
	if shared.engine != nil {
		if err := shared.engine.Close(); err != nil {
			panic(err)
		}
	}
	return code
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(suite{m}) }

// shared is loaded once: reading a vocabulary of 250,000 pieces takes time.
var shared struct {
	once      sync.Once
	tokenizer *tokenizer.Unigram
	engine    *Engine
	err       error
}

func load(name string, opt Options) (*Engine, error) {
	root, err := repository.ModelsDir()
	if err != nil {
		return nil, err
	}
	mf, err := repository.Open(filepath.Join(root, name))
	if err != nil {
		return nil, err
	}
	return open(mf, 1, shared.tokenizer, opt)
}

func prepare() error {
	library, err := repository.ORTLibrary()
	if err != nil {
		return err
	}
	if err = ort.Init(library); err != nil {
		return err
	}
	root, err := repository.ModelsDir()
	if err != nil {
		return err
	}
	if shared.tokenizer, err = tokenizer.LoadUnigram(filepath.Join(root, modelName)); err != nil {
		return err
	}
	shared.engine, err = load(modelName, Options{})
	return err
}

// served is the model as it is served, shared by the tests.
func served(t testing.TB) *Engine {
	t.Helper()
	shared.once.Do(func() { shared.err = prepare() })
	require.NoError(t, shared.err, "run 'make setup'")
	return shared.engine
}

// another is an engine of the test's own.
func another(t testing.TB, name string, opt Options) *Engine {
	t.Helper()
	served(t)
	e, err := load(name, opt)
	require.NoError(t, err, "run 'make setup'")
	t.Cleanup(func() { require.NoError(t, e.Close()) })
	return e
}

// recorded is a text with its vector from an independent implementation; see scripts/golden/make_embeddings.py.
type recorded struct {
	ID     string  `json:"id"`
	Kind   string  `json:"kind"`
	Text   string  `json:"text"`
	Tokens []int32 `json:"tokens"`
	Vector []byte  `json:"vector"` // base64 of little-endian float32

	values []float32
}

func (r *recorded) kind() Kind {
	if r.Kind == "query" {
		return Query
	}
	return Passage
}

var golden = sync.OnceValues(func() ([]recorded, error) {
	folder := filepath.Join("..", "..", "testdata", "golden", "embeddings")
	var texts []recorded
	var vectors struct {
		Texts []recorded `json:"texts"`
	}
	for name, to := range map[string]any{"texts.json": &texts, modelName + ".json": &vectors} {
		data, err := os.ReadFile(filepath.Join(folder, name))
		if err == nil {
			err = json.Unmarshal(data, to)
		}
		if err != nil {
			return nil, err
		}
	}
	for i, v := range vectors.Texts {
		texts[i].Tokens = v.Tokens
		for at := 0; at < len(v.Vector); at += 4 {
			texts[i].values = append(texts[i].values, math.Float32frombits(binary.LittleEndian.Uint32(v.Vector[at:])))
		}
	}
	return texts, nil
})

func goldenTexts(t testing.TB) []recorded {
	t.Helper()
	texts, err := golden()
	require.NoError(t, err)
	require.Len(t, texts, 28)
	return texts
}

func dot(a, b []float32) (sum float64) {
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return sum
}
