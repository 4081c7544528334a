// Package tsv reads the tables that clinical's packages carry within the binary.
package tsv

import (
	"fmt"
	"io/fs"
	"strings"
)

// FirstLine is the number in its file of the first row, behind the header.
const FirstLine = 2

// Rows returns the rows of a file of tab-separated columns, without its header. A row of another
// width is an error with file and line.
func Rows(files fs.FS, path string, columns int) ([][]string, error) {
	data, err := fs.ReadFile(files, path)
	if err != nil {
		return nil, err
	}
	lines := strings.Split(strings.TrimRight(string(data), "\n"), "\n")[1:]
	rows := make([][]string, 0, len(lines))
	for i, l := range lines {
		r := strings.Split(l, "\t")
		if len(r) != columns {
			return nil, fmt.Errorf("%s line %d: %d columns, want %d", path, FirstLine+i, len(r), columns)
		}
		rows = append(rows, r)
	}
	return rows, nil
}
