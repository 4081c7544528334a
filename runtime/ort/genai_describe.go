package ort

import (
	"fmt"
	"path/filepath"

	"github.com/bedside-lm/bedside/runtime/ort/internal/capi"
	"github.com/bedside-lm/bedside/runtime/repository"
	"github.com/bedside-lm/bedside/runtime/tensor"
)

// genaiIO is what of the graph's types the configuration does not say.
type genaiIO struct {
	cache, logits tensor.Type
}

// describeGenAI holds a graph against its genai_config.json and says what the configuration leaves open.
func describeGenAI(path string, mf *repository.Manifest) (genaiIO, error) {
	session, err := capi.Open(path, capi.Options{
		IntraOpThreads: 1, InterOpThreads: 1,
		Config: map[string]string{"session.disable_prepacking": "1"}, // the weights are not needed
	})
	if err != nil {
		return genaiIO{}, &OpenError{File: filepath.Base(path), Reason: withoutFolder(err.Error(), path)}
	}
	defer session.Close()
	d := genaiDescription{inputs: map[string]tensor.Info{}, outputs: map[string]tensor.Info{}}
	for _, side := range []struct {
		kind capi.Kind
		to   map[string]tensor.Info
	}{{capi.Input, d.inputs}, {capi.Output, d.outputs}} {
		for i, io := range session.IO(side.kind) {
			p, reason := newPort(side.kind, i, io)
			if reason != "" {
				return genaiIO{}, &OpenError{File: filepath.Base(path), Reason: reason}
			}
			side.to[io.Name] = p.info
		}
	}
	io, reason := d.check(mf)
	if reason != "" {
		return genaiIO{}, &OpenError{File: filepath.Base(path), Reason: reason}
	}
	return io, nil
}

// genaiDescription is what a graph takes and gives, by name.
type genaiDescription struct {
	inputs, outputs map[string]tensor.Info
}

// check returns what is left open, or why the graph cannot be served.
func (d genaiDescription) check(mf *repository.Manifest) (genaiIO, string) {
	n := mf.GenAI
	cache := []int64{-1, int64(mf.NumKVHeads), -1, int64(mf.HeadDim)}
	first := d.inputs[fmt.Sprintf(n.PastKey, 0)].Type
	io := genaiIO{cache: first, logits: d.outputs[n.Logits].Type}
	if first != tensor.FP32 && first != tensor.FP16 {
		return io, fmt.Sprintf("the cache is of type %s; FP32 and FP16 are supported", first)
	}
	if io.logits != tensor.FP32 && io.logits != tensor.FP16 {
		return io, fmt.Sprintf("the logits are of type %s; FP32 and FP16 are supported", io.logits)
	}
	wanted := []struct {
		from map[string]tensor.Info
		name string
		typ  tensor.Type
		dims []int64
	}{
		{d.inputs, n.InputIDs, tensor.Int64, []int64{-1, -1}},
		{d.inputs, n.AttentionMask, tensor.Int64, []int64{-1, -1}},
		{d.outputs, n.Logits, io.logits, []int64{-1, -1, int64(mf.VocabSize)}},
		{d.inputs, n.PositionIDs, tensor.Int64, []int64{-1, -1}},
	}
	if n.PositionIDs == "" {
		wanted = wanted[:3]
	}
	for l := range mf.NumLayers {
		for _, side := range []struct {
			from map[string]tensor.Info
			name string
		}{{d.inputs, n.PastKey}, {d.inputs, n.PastValue}, {d.outputs, n.PresentKey}, {d.outputs, n.PresentValue}} {
			wanted = append(wanted, wanted[0])
			w := &wanted[len(wanted)-1]
			w.from, w.name, w.typ, w.dims = side.from, fmt.Sprintf(side.name, l), first, cache
		}
	}
	known := map[string]bool{}
	for _, w := range wanted {
		info, ok := w.from[w.name]
		switch {
		case !ok:
			return io, fmt.Sprintf("the graph has no %q, which %s names", w.name, repository.GenAIConfigName)
		case info.Type != w.typ || !fits(info.Dims, w.dims):
			return io, fmt.Sprintf("%q is %s %s, want %s %s", w.name, info.Type, tensor.FormatShape(info.Dims), w.typ, tensor.FormatShape(w.dims))
		}
		known[w.name] = true
	}
	for name := range d.inputs {
		if !known[name] {
			return io, fmt.Sprintf("the graph takes %q, which is not supported", name)
		}
	}
	return io, ""
}

// fits says whether a graph's dimensions can be had as wanted: where -1 is wanted they must be open, where a number is,
// they may be.
func fits(have, want []int64) bool {
	if len(have) != len(want) {
		return false
	}
	for i := range have {
		if have[i] != want[i] && have[i] != -1 {
			return false
		}
	}
	return true
}
