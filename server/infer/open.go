package infer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"

	inference "github.com/bedside-lm/bedside/proto/inference/v2"
	"github.com/bedside-lm/bedside/runtime/ort"
	"github.com/bedside-lm/bedside/runtime/repository"
	"github.com/bedside-lm/bedside/server/modelconfig"
	"github.com/bedside-lm/bedside/server/watchdog"
)

// Options are what a model works with beside its folder.
type Options struct {
	Metrics     *MetricSet         // required
	Dog         *watchdog.Dog      // watches the runs; nil: nothing does
	QueueShares map[string]float64 // of tenants; see dynamic.Config
}

// Open loads the model of a folder, with the settings of its config.pbtxt where it has one, and warms it up. What is
// wrong with the configuration comes as *modelconfig.Error, with the file as *ort.OpenError.
func Open(ctx context.Context, spec repository.Spec, opt Options) (*Model, error) {
	var given *inference.ModelConfig
	if spec.Config != nil {
		var err error
		if given, err = modelconfig.Parse(spec.Config); err != nil {
			return nil, err
		}
	}
	options, _ := modelconfig.Sessions(given)
	file := cmp.Or(given.GetDefaultModelFilename(), "model.onnx")
	session, err := ort.OpenTensorModel(filepath.Join(spec.Dir, file), options)
	if err != nil {
		return nil, err
	}
	cfg, err := modelconfig.Complete(given, spec.Name, session.Inputs(), session.Outputs())
	if err == nil {
		err = warmUp(ctx, session, cfg, spec.ModelDir)
	}
	var m *Model
	if err == nil {
		batching := modelconfig.Batching(cfg)
		batching.QueueShares = opt.QueueShares
		m, err = newModel(cfg, session, batching, opt.Metrics, spec.Version, opt.Dog)
	}
	if err != nil {
		return nil, errors.Join(err, session.Close())
	}
	return m, nil
}

// warmUp runs what the configuration asks for before the model counts as ready. It counts in no statistics.
func warmUp(ctx context.Context, session *ort.TensorModel, cfg *inference.ModelConfig, dir string) error {
	samples, err := modelconfig.Warmup(cfg, dir)
	if err != nil {
		return err
	}
	for i, s := range samples {
		for range s.Count {
			if _, err := session.Run(ctx, s.Inputs, nil); err != nil {
				return fmt.Errorf("model_warmup[%d]: %w", i, err)
			}
		}
	}
	return nil
}
