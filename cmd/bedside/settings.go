package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/alecthomas/kong"
	"go.yaml.in/yaml/v3"
)

const maxSettingsBytes = 1 << 20

// settings are a configuration file: the flags of "bedside serve" by name, in YAML.
// A flag on the command line and a BEDSIDE_ variable win over the file.
type settings map[string]yaml.Node

func loadSettings(r io.Reader) (kong.Resolver, error) {
	data, err := readBounded(r, maxSettingsBytes)
	if err != nil {
		return nil, err
	}
	var s settings
	if err := yaml.Unmarshal(data, &s); err != nil {
		return nil, err
	}
	return s, nil
}

// Validate refuses what no flag is called: a setting that is misspelt would otherwise
// silently stay at its default.
func (s settings) Validate(app *kong.Application) error {
	known := map[string]bool{}
	for _, command := range app.Children {
		if command.Name != "serve" {
			continue
		}
		for _, flag := range command.Flags {
			known[flag.Name] = flag.Name != "config" && flag.Name != "help"
		}
	}
	var errs []error
	for name, node := range s {
		if !known[name] {
			errs = append(errs, fmt.Errorf("--config: line %d: there is no setting %q", node.Line, printable(name)))
		}
	}
	return errors.Join(errs...)
}

// Resolve gives a flag's value in the file, nil where it has none.
func (s settings) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	node, ok := s[flag.Name]
	if !ok || node.ShortTag() == "!!null" {
		return nil, nil
	}
	for _, name := range flag.Tag.Envs { // kong itself would let the file win
		if _, set := os.LookupEnv(name); set {
			return nil, nil
		}
	}
	switch node.Kind {
	case yaml.ScalarNode:
		return node.Value, nil
	case yaml.SequenceNode:
		values := make([]any, 0, len(node.Content))
		for _, item := range node.Content {
			if item.Kind != yaml.ScalarNode {
				return nil, fmt.Errorf("line %d: expected a list of plain values", item.Line)
			}
			values = append(values, item.Value)
		}
		return values, nil
	default:
		return nil, fmt.Errorf("line %d: expected a value or a list of values", node.Line)
	}
}
