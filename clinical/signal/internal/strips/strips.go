// Package strips reads the strips of waveforms that scripts/corpus/signals.py writes, each with
// its truth, for the tests that judge what is measured in them.
package strips

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
)

// Env names the environment variable that holds the folder of the strips.
const Env = "BEDSIDE_SIGNALS"

// Strip is one strip and what is true of it. Fields that do not apply are zero.
type Strip struct {
	ID     string  `json:"id"`
	Set    string  `json:"set"`
	Kind   string  `json:"kind"`
	Unit   string  `json:"unit"`
	Rate   float64 `json:"rate"`
	Noisy  bool    `json:"noisy"`
	Rhythm string  `json:"rhythm"`
	// Beats are R peaks in seconds, Types one letter each: N, V or S.
	Beats     []float64 `json:"beats"`
	Types     string    `json:"types"`
	HeartRate float64   `json:"heart_rate"`
	SDNN      float64   `json:"sdnn_ms"`
	RMSSD     float64   `json:"rmssd_ms"`
	QRS       float64   `json:"qrs_ms"`
	// PerMinute is breaths a minute outside a pause of Pause seconds.
	PerMinute float64 `json:"rate_per_min"`
	Pause     float64 `json:"pause_s"`
	Top       float64 `json:"top_mmhg"`
	Bottom    float64 `json:"bottom_mmhg"`
	Systolic  float64 `json:"systolic"`
	Diastolic float64 `json:"diastolic"`

	Samples []float64 `json:"-"`

	At     int     `json:"at"`
	Count  int     `json:"samples"`
	Gain   float64 `json:"gain"`
	Offset float64 `json:"offset"`
}

// Read returns the strips of a split, such as "held-out".
func Read(folder, split string) ([]Strip, error) {
	raw, err := os.ReadFile(filepath.Join(folder, split+".i16"))
	if err != nil {
		return nil, err
	}
	heads, err := os.Open(filepath.Join(folder, split+".jsonl"))
	if err != nil {
		return nil, err
	}
	defer heads.Close()
	var out []Strip
	lines := bufio.NewScanner(heads)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var s Strip
		if err := json.Unmarshal(lines.Bytes(), &s); err != nil {
			return nil, fmt.Errorf("%s.jsonl line %d: %w", split, len(out)+1, err)
		}
		if s.At < 0 || s.Count < 1 || s.At+2*s.Count > len(raw) || s.Rate <= 0 {
			return nil, fmt.Errorf("%s.jsonl line %d: the samples are not in %s.i16", split, len(out)+1, split)
		}
		s.Samples = make([]float64, s.Count)
		for i := range s.Samples {
			v := int16(binary.LittleEndian.Uint16(raw[s.At+2*i:]))
			s.Samples[i] = float64(v)*s.Gain + s.Offset
			if v == math.MinInt16 {
				s.Samples[i] = math.NaN()
			}
		}
		out = append(out, s)
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%s.jsonl holds no strip", split)
	}
	return out, nil
}
