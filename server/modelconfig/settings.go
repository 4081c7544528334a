package modelconfig

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/bedside-lm/bedside/batcher/dynamic"
	inference "github.com/bedside-lm/bedside/proto/inference/v2"
	"github.com/bedside-lm/bedside/runtime/ort"
	"github.com/bedside-lm/bedside/runtime/repository"
)

// Policy is which versions of a model are served; the latest one where cfg does not say. cfg may be nil.
func Policy(cfg *inference.ModelConfig) repository.VersionPolicy {
	switch p := cfg.GetVersionPolicy().GetPolicyChoice().(type) {
	case *inference.ModelVersionPolicy_All_:
		return repository.VersionPolicy{All: true}
	case *inference.ModelVersionPolicy_Specific_:
		return repository.VersionPolicy{Specific: slices.Clone(p.Specific.GetVersions())}
	case *inference.ModelVersionPolicy_Latest_:
		return repository.VersionPolicy{Latest: int(p.Latest.GetNumVersions())}
	}
	return repository.VersionPolicy{}
}

// Sessions gives the settings of a model's session and how many batches may run in it at once: the sum of the instance
// groups' counts, 1 where there are none. (Triton takes 2 on CPUs, each with a session of its own.) cfg has been parsed or
// completed here, or is nil.
func Sessions(cfg *inference.ModelConfig) (opt ort.TensorOptions, instances int) {
	// What cfg says was checked when it was read.
	s, _ := readSettings(cfg)
	s.session.GraphOptimizationLevel = levels[cfg.GetOptimization().GetGraph().GetLevel()]
	for _, g := range cfg.GetInstanceGroup() {
		instances += max(int(g.GetCount()), 1)
	}
	return s.session, max(instances, 1)
}

// File is where the model of a version lies, whose files are in dir: the file that cfg names, or a folder of that name with
// model.onnx in it, as Triton has models of several files. cfg may be nil.
func File(cfg *inference.ModelConfig, dir string) string {
	path := filepath.Join(dir, cmp.Or(cfg.GetDefaultModelFilename(), DefaultFilename))
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return filepath.Join(path, DefaultFilename)
	}
	return path
}

// levels are the numbers that Triton's ONNX Runtime backend gives the levels.
var levels = map[int32]ort.Optimization{
	0: ort.OptimizeAll, -1: ort.OptimizeBasic, 1: ort.OptimizeExtended, 2: ort.OptimizeNone,
}

// Batching gives the settings of a model's queue. Where cfg has no dynamic_batching, requests are not meant to share a
// batch; the queue's bounds hold nevertheless. cfg has been completed here.
func Batching(cfg *inference.ModelConfig) dynamic.Config {
	s, _ := readSettings(cfg) // checked when it was read
	_, instances := Sessions(cfg)
	d := cfg.GetDynamicBatching()
	c := dynamic.Config{
		MaxBatchSize:         int(cfg.GetMaxBatchSize()),
		MaxQueueDelay:        microseconds(d.GetMaxQueueDelayMicroseconds()),
		AdaptiveDelay:        s.adaptiveDelay,
		PreserveOrdering:     d.GetPreserveOrdering(),
		PriorityLevels:       whole(d.GetPriorityLevels()),
		DefaultPriorityLevel: whole(d.GetDefaultPriorityLevel()),
		DefaultQueuePolicy:   queuePolicy(d.GetDefaultQueuePolicy()),
		Instances:            instances,
		MaxQueue:             s.maxQueue,
		MaxTenants:           s.maxTenants,
		TenantWeights:        s.tenantWeights,
	}
	for _, size := range d.GetPreferredBatchSize() {
		c.PreferredBatchSize = append(c.PreferredBatchSize, int(size))
	}
	for level, p := range d.GetPriorityQueuePolicy() {
		if c.PriorityQueuePolicy == nil {
			c.PriorityQueuePolicy = map[int]dynamic.QueuePolicy{}
		}
		c.PriorityQueuePolicy[whole(level)] = queuePolicy(p)
	}
	return c.WithDefaults()
}

func queuePolicy(p *inference.ModelQueuePolicy) dynamic.QueuePolicy {
	q := dynamic.QueuePolicy{
		DefaultTimeout:       microseconds(p.GetDefaultTimeoutMicroseconds()),
		AllowTimeoutOverride: p.GetAllowTimeoutOverride(),
		MaxQueueSize:         int(p.GetMaxQueueSize()),
	}
	if p.GetTimeoutAction() == inference.ModelQueuePolicy_DELAY {
		q.TimeoutAction = dynamic.TimeoutDelay
	}
	return q
}

// microseconds is a duration; what is longer than one can be is the longest.
func microseconds(n uint64) time.Duration {
	if n > math.MaxInt64/1000 {
		return math.MaxInt64
	}
	return time.Duration(n) * time.Microsecond
}

// whole is a number that is far out of any range where it does not fit.
func whole(n uint64) int { return int(min(n, math.MaxInt32)) }

// checkBatching holds the settings of the queue against what the batcher can do.
func checkBatching(cfg *inference.ModelConfig) error {
	levels := cfg.GetDynamicBatching().GetPriorityLevels()
	for _, level := range slices.Sorted(maps.Keys(cfg.GetDynamicBatching().GetPriorityQueuePolicy())) {
		if level < 1 || level > levels {
			return fail(fmt.Sprintf("dynamic_batching.priority_queue_policy[%d]", level), "there is no such level, priority_levels is %d", levels)
		}
	}
	err := Batching(cfg).Validate()
	if e, ok := errors.AsType[*dynamic.Error](err); ok {
		return fail(configPath(e.Field), "%s", strings.TrimPrefix(e.Error(), e.Field+": "))
	}
	return err
}

// configPath names in the configuration what the batcher's own settings call otherwise.
func configPath(field string) string {
	field = strings.TrimPrefix(field, "config.")
	name, rest := field, ""
	if i := strings.IndexAny(field, ".["); i >= 0 {
		name, rest = field[:i], field[i:]
	}
	switch name {
	case "max_batch_size":
		return field
	case "instances":
		return "instance_group"
	case "max_queue", "max_tenants", "tenant_weights":
		return fmt.Sprintf("parameters[%q]", "bedside."+name)
	case "max_queue_delay":
		name += "_microseconds"
	}
	if strings.HasSuffix(rest, ".default_timeout") {
		rest += "_microseconds"
	}
	return "dynamic_batching." + name + rest
}
