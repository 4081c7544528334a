package repository

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// ConfigName is the file name of a model's configuration within its folder.
	ConfigName = "config.pbtxt"
	// GenAIConfigName is the file by which a folder of onnxruntime-genai's model builder is known.
	GenAIConfigName = "genai_config.json"

	maxConfigBytes = 1 << 20
	maxNameBytes   = 255 // as file systems have it
	maxModels      = 10_000
)

// folder is a model of a repository as found on disk.
type folder struct {
	name, root, dir string
	versions        map[int64]place
	config          []byte
	err             error // why the folder cannot be used as a whole
}

// place is where a version's files lie.
type place struct {
	dir    string
	format Format
}

func (f *folder) spec(version int64) Spec {
	p := f.versions[version]
	return Spec{Name: f.name, Version: version, Root: f.root, ModelDir: f.dir, Dir: p.dir, Format: p.format, Config: f.config}
}

// ignored says whether a name is passed over everywhere: hidden files, and what is still being written.
func ignored(name string) bool {
	return strings.HasPrefix(name, ".") || strings.HasSuffix(name, ".tmp")
}

// names lists the models of all roots, by name with the roots that have them.
func names(roots []string) (map[string][]string, error) {
	found := make(map[string][]string)
	for _, root := range roots {
		entries, err := os.ReadDir(root)
		if err != nil {
			return nil, fmt.Errorf("model repository: %w", err)
		}
		for _, e := range entries {
			if ignored(e.Name()) || !isDir(root, e) {
				continue
			}
			found[e.Name()] = append(found[e.Name()], root)
		}
	}
	if len(found) > maxModels {
		return nil, fmt.Errorf("model repository: %d model folders, %d are allowed", len(found), maxModels)
	}
	return found, nil
}

// isDir follows links: a root may be laid out with links into another file system, as mounted volumes are.
func isDir(parent string, e fs.DirEntry) bool {
	if e.Type()&fs.ModeSymlink == 0 {
		return e.IsDir()
	}
	info, err := os.Stat(filepath.Join(parent, e.Name()))
	return err == nil && info.IsDir()
}

// scan reads every model folder of the roots, by name.
func scan(roots []string) (map[string]*folder, error) {
	found, err := names(roots)
	if err != nil {
		return nil, err
	}
	folders := make(map[string]*folder, len(found))
	for name, in := range found {
		folders[name] = scanFolder(name, in)
	}
	return folders, nil
}

// scanModel reads one model's folder; nil where no root has it.
func scanModel(roots []string, name string) (*folder, error) {
	var in []string
	for _, root := range roots {
		if _, err := os.Stat(root); err != nil {
			return nil, fmt.Errorf("model repository: %w", err)
		}
		info, err := os.Stat(filepath.Join(root, name))
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return nil, fmt.Errorf("model repository: %w", err)
		case info.IsDir():
			in = append(in, root)
		}
	}
	if len(in) == 0 {
		return nil, nil
	}
	return scanFolder(name, in), nil
}

// validName says whether a name can be that of a model: one path element that is not passed over. A zero byte is in none:
// that the system takes no such path would be held to be a failure of the model, and the model to exist.
func validName(name string) bool {
	return name != "" && len(name) <= maxNameBytes && utf8.ValidString(name) && !ignored(name) &&
		filepath.IsLocal(name) && !strings.ContainsAny(name, `/\`) && !strings.ContainsFunc(name, unicode.IsControl)
}

// scanFolder reads the model folder that the given roots have.
func scanFolder(name string, roots []string) *folder {
	f := &folder{name: name, root: roots[0], dir: filepath.Join(roots[0], name), versions: map[int64]place{}}
	if !validName(name) {
		f.err = fmt.Errorf("the name must be valid UTF-8 of at most %d bytes", maxNameBytes)
		return f
	}
	if len(roots) > 1 {
		f.err = fmt.Errorf("%d repositories have a model of this name; it must be in one only", len(roots))
		return f
	}
	entries, err := os.ReadDir(f.dir)
	if err != nil {
		f.err = err
		return f
	}
	for _, e := range entries {
		version, ok := parseVersion(e.Name())
		if !ok || !isDir(f.dir, e) {
			continue
		}
		dir := filepath.Join(f.dir, e.Name())
		f.versions[version] = place{dir: dir, format: formatOf(dir, FormatONNX)}
	}
	if format := formatOf(f.dir, 0); format != 0 {
		if len(f.versions) > 0 {
			f.err = fmt.Errorf("holds both a model's files and version folders %v", slices.Sorted(maps.Keys(f.versions)))
			return f
		}
		f.versions[1] = place{dir: f.dir, format: format}
	}
	f.config, f.err = readConfig(filepath.Join(f.dir, ConfigName))
	if f.err == nil && len(f.versions) == 0 {
		f.err = errors.New("holds no version folder such as \"1\", no " + ManifestName + " and no " + GenAIConfigName)
	}
	return f
}

// formatOf tells a folder's format by the file that describes it, or otherwise.
func formatOf(dir string, otherwise Format) Format {
	for _, known := range []struct {
		file   string
		format Format
	}{{ManifestName, FormatBedside}, {GenAIConfigName, FormatGenAI}} {
		if info, err := os.Stat(filepath.Join(dir, known.file)); err == nil && info.Mode().IsRegular() {
			return known.format
		}
	}
	return otherwise
}

func readConfig(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return readBounded(path, info, maxConfigBytes)
}

// readBounded reads a regular file of at most limit bytes. Opening a pipe would wait for a writer, so others are refused.
func readBounded(path string, info fs.FileInfo, limit int64) ([]byte, error) {
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%s is over %d bytes", path, limit)
	}
	return data, nil
}
