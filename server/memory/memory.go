// Package memory tells how much memory the process may have, and how much it has.
package memory

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path"
	"strconv"
	"strings"
)

// Limit is the least of what the machine has and what the control groups of the process allow, in bytes; 0 where the
// system does not tell.
func Limit() int64 { return limit(os.DirFS("/")) }

func limit(root fs.FS) int64 {
	least := int64(math.MaxInt64)
	if n, err := meminfo(root); err == nil {
		least = n
	}
	for _, file := range limitFiles(root) {
		text, err := fs.ReadFile(root, file)
		if err != nil {
			continue
		}
		// "max" where there is none; control groups of version 1 have a number beyond all memory then.
		if n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil && n > 0 {
			least = min(least, n)
		}
	}
	if least == math.MaxInt64 {
		return 0
	}
	return least
}

// limitFiles are the files that may hold a limit: of the process' groups, and of all above them.
func limitFiles(root fs.FS) []string {
	const base = "sys/fs/cgroup"
	var files []string
	groups, _ := fs.ReadFile(root, "proc/self/cgroup") // without it there are no groups
	for line := range strings.Lines(string(groups)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		dir, name := base, "memory.max"
		switch {
		case parts[0] == "0" && parts[1] == "": // version 2
		case strings.Contains(","+parts[1]+",", ",memory,"):
			dir, name = base+"/memory", "memory.limit_in_bytes"
		default:
			continue
		}
		// In a container the group may be shown as its own root: the parts that are not there are passed over.
		for group := path.Join("/", parts[2]); ; group = path.Dir(group) {
			files = append(files, path.Join(dir, group, name))
			if group == "/" {
				break
			}
		}
	}
	return files
}

func meminfo(root fs.FS) (int64, error) {
	text, err := fs.ReadFile(root, "proc/meminfo")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		var kib int64
		if _, err := fmt.Sscanf(line, "MemTotal: %d kB", &kib); err == nil {
			return kib << 10, nil
		}
	}
	return 0, errors.New("no MemTotal")
}

// Resident is what the process has in memory now, in bytes; 0 where the system does not tell.
func Resident() int64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	fields := bytes.Fields(text)
	if len(fields) < 2 {
		return 0
	}
	pages, err := strconv.ParseInt(string(fields[1]), 10, 64)
	if err != nil {
		return 0
	}
	return pages * int64(os.Getpagesize())
}
