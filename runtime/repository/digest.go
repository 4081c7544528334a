package repository

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const (
	// SumsName is a file of digests, as sha256sum writes it, that a folder may have.
	SumsName = "SHA256SUMS"

	maxDepth     = 8
	maxFiles     = 10_000
	maxSumsBytes = 4 << 20
)

// entry is one file of a folder.
type entry struct {
	path string // relative, with slashes
	info os.FileInfo
}

// list returns the files of a folder and its subfolders in the order of their paths. Links are followed, also out of the
// repository: mounted volumes and caches of downloads are laid out with them, and who may write there chooses what is
// served anyway. What is no file, folder or link to one is refused by name.
func list(dir string) ([]entry, error) {
	var files []entry
	var walk func(rel string, depth int) error
	walk = func(rel string, depth int) error {
		if depth > maxDepth {
			return fmt.Errorf("%s: folders nest deeper than %d", rel, maxDepth)
		}
		entries, err := os.ReadDir(filepath.Join(dir, rel))
		if err != nil {
			return err
		}
		for _, e := range entries {
			if ignored(e.Name()) {
				continue
			}
			path := filepath.Join(rel, e.Name())
			info, err := os.Stat(filepath.Join(dir, path))
			if err != nil {
				return err
			}
			switch {
			case info.IsDir():
				if err := walk(path, depth+1); err != nil {
					return err
				}
			case !info.Mode().IsRegular():
				return fmt.Errorf("%s is not a regular file", path)
			case len(files) == maxFiles:
				return fmt.Errorf("more than %d files", maxFiles)
			default:
				files = append(files, entry{path: filepath.ToSlash(path), info: info})
			}
		}
		return nil
	}
	if err := walk("", 0); err != nil {
		return nil, err
	}
	slices.SortFunc(files, func(a, b entry) int { return strings.Compare(a.path, b.path) })
	return files, nil
}

// fingerprint stands for the state of a folder without reading its files: names, sizes, times of change, and where its
// links lead.
type fingerprint [sha256.Size]byte

// fingerprintOf takes a version's fingerprint together with the model's configuration.
func fingerprintOf(dir string, config []byte) (fingerprint, error) {
	files, err := list(dir)
	if err != nil {
		return fingerprint{}, err
	}
	// Files of one build often share a time and a size: that a link leads elsewhere must show by itself.
	target, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return fingerprint{}, err
	}
	h := sha256.New()
	fmt.Fprintf(h, "%q %q\n", target, config)
	for _, f := range files {
		fmt.Fprintf(h, "%q %d %d\n", f.path, f.info.Size(), f.info.ModTime().UnixNano())
	}
	return fingerprint(h.Sum(nil)), nil
}

// fingerprint stands for everything of the model's folder that loading it depends on.
func (f *folder) fingerprint() fingerprint {
	h := sha256.New()
	fmt.Fprintf(h, "%q %q %v\n", f.dir, f.config, f.err)
	versions, _ := VersionPolicy{All: true}.choose(f.numbers())
	for _, v := range versions {
		fp, err := fingerprintOf(f.versions[v].dir, nil)
		fmt.Fprintf(h, "%d %d %x %v\n", v, f.versions[v].format, fp, err)
	}
	return fingerprint(h.Sum(nil))
}

// digest reads all files of a folder. Where the folder has SHA256SUMS, every file must be listed there with its digest.
func digest(ctx context.Context, dir string) (string, error) {
	files, err := list(dir)
	if err != nil {
		return "", err
	}
	sums, err := readSums(dir, files)
	if err != nil {
		return "", err
	}
	all := sha256.New()
	for _, f := range files {
		sum, err := fileDigest(ctx, filepath.Join(dir, filepath.FromSlash(f.path)))
		if err != nil {
			return "", err
		}
		if sums != nil && f.path != SumsName {
			want, ok := sums[f.path]
			if !ok {
				return "", fmt.Errorf("%s is not listed in %s", f.path, SumsName)
			}
			if want != sum {
				return "", fmt.Errorf("%s: SHA-256 is %s, %s says %s", f.path, sum, SumsName, want)
			}
			delete(sums, f.path)
		}
		fmt.Fprintf(all, "%s\x00%s\n", f.path, sum)
	}
	for path := range sums {
		return "", fmt.Errorf("%s is listed in %s and missing", path, SumsName)
	}
	return "sha256:" + hex.EncodeToString(all.Sum(nil)), nil
}

// fileDigest is a file's SHA-256 in hexadecimal digits.
func fileDigest(ctx context.Context, path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, reader{ctx, f}); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// reader reads until its context ends: large files take long.
type reader struct {
	ctx context.Context
	io.Reader
}

func (r reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}

// readSums reads the folder's SHA256SUMS; nil where it has none.
func readSums(dir string, files []entry) (map[string]string, error) {
	for _, f := range files {
		if f.path == SumsName {
			data, err := readBounded(filepath.Join(dir, SumsName), f.info, maxSumsBytes)
			if err != nil {
				return nil, err
			}
			return parseSums(data)
		}
	}
	return nil, nil
}

// parseSums reads lines of 64 hexadecimal digits, a space, a space or an asterisk, and a path within the folder.
func parseSums(data []byte) (map[string]string, error) {
	sums := make(map[string]string)
	lines := bufio.NewScanner(bytes.NewReader(data))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSuffix(lines.Text(), "\r")
		if line == "" {
			continue
		}
		const digits = 2 * sha256.Size
		if len(line) < digits+3 || line[digits] != ' ' || line[digits+1] != ' ' && line[digits+1] != '*' {
			return nil, fmt.Errorf("%s: line %d is not a digest and a path", SumsName, n)
		}
		sum := strings.ToLower(line[:digits])
		if _, err := hex.DecodeString(sum); err != nil {
			return nil, fmt.Errorf("%s: line %d is not a digest and a path", SumsName, n)
		}
		path := filepath.ToSlash(filepath.Clean(filepath.FromSlash(line[digits+2:])))
		if !filepath.IsLocal(path) || path == "." {
			return nil, fmt.Errorf("%s: line %d names a path outside the folder", SumsName, n)
		}
		if _, twice := sums[path]; twice {
			return nil, fmt.Errorf("%s: line %d lists a path again", SumsName, n)
		}
		sums[path] = sum
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", SumsName, err)
	}
	if len(sums) == 0 {
		return nil, errors.New(SumsName + " lists nothing")
	}
	return sums, nil
}
