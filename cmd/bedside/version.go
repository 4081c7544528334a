package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"text/tabwriter"

	"github.com/bedside-lm/bedside/runtime/repository"
)

type versionCmd struct{}

// Run prints versions, one a line.
func (versionCmd) Run(a *app) error {
	table := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "bedside\t%s\n", version)
	fmt.Fprintf(table, "commit\t%s\n", commit())
	fmt.Fprintf(table, "go\t%s %s/%s\n", runtime.Version(), runtime.GOOS, runtime.GOARCH)
	fmt.Fprintf(table, "onnxruntime\t%s\n", onnxRuntime())
	return table.Flush()
}

func commit() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	revision, modified := "unknown", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			revision = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			modified = " (modified)"
		}
	}
	return revision + modified
}

// onnxRuntime is the release this build is for, and whether its library is at hand.
func onnxRuntime() string {
	library, err := repository.ORTLibrary()
	if err == nil {
		_, err = os.Stat(library)
	}
	if err != nil {
		return repository.ORTVersion + " (not installed: run 'make setup')"
	}
	return fmt.Sprintf("%s (%s)", repository.ORTVersion, library)
}
