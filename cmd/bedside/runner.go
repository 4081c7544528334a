package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/bedside-lm/bedside/clinical/prepare/cohort"
)

// beamBinary runs cohorts as Apache Beam pipelines. It is a program of its own, since Beam
// brings the clients of several clouds.
const beamBinary = "bedside-beam"

// throughBeam has the Beam program carry a job out, and gives its manifest.
func (p *prepareCmd) throughBeam(a *app, job cohort.Job) (*cohort.Manifest, error) {
	if p.Vectors {
		return nil, &usageError{errors.New("--vectors needs --runner local: the models are in this process")}
	}
	binary, err := findBeam()
	if err != nil {
		return nil, err
	}
	text, err := beamJob(job)
	if err != nil {
		return nil, err
	}
	args := append([]string{"--job", "-", "--runner", p.Runner}, p.BeamFlag...)
	cmd := exec.CommandContext(a.ctx, binary, args...) //nolint:gosec // the user's own flags, for the user's own program
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 30 * time.Second
	var out bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(text), &out, a.err
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%s: %w", beamBinary, err)
	}
	m := &cohort.Manifest{}
	return m, json.Unmarshal(out.Bytes(), m)
}

// findBeam looks beside this program, then where programs are.
func findBeam() (string, error) {
	if self, err := os.Executable(); err == nil {
		if path := filepath.Join(filepath.Dir(self), beamBinary); isFile(path) {
			return path, nil
		}
	}
	path, err := exec.LookPath(beamBinary)
	if err != nil {
		return "", &usageError{fmt.Errorf("--runner: %s is neither beside this program nor on the path; \"make beam\" builds it", beamBinary)}
	}
	return path, nil
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// beamJob writes a job as that program reads it. Paths are made absolute: its workers may
// run elsewhere.
func beamJob(job cohort.Job) ([]byte, error) {
	job.Inputs = slices.Clone(job.Inputs)
	for i, in := range job.Inputs {
		path, err := filepath.Abs(in)
		if err != nil {
			return nil, err
		}
		job.Inputs[i] = path
	}
	job.Progress = nil // it stays here
	return json.Marshal(job)
}
