package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"unicode/utf8"
)

const (
	maxRecordBytes = 64 << 20
	maxPromptBytes = 4 << 20  // as the protocol has it
	maxSchemaBytes = 64 << 10 // likewise
)

// readText reads a file, or standard input for "-", of at most limit bytes of UTF-8.
func (a *app) readText(path string, limit int64) (string, error) {
	name := path
	var data []byte
	var err error
	if path == "-" {
		name = "standard input"
		if f, ok := a.in.(*os.File); ok && a.errIsTTY && isTerminal(f) {
			fmt.Fprintln(a.err, "reading from the terminal; Ctrl-D ends the input")
		}
		data, err = readInterruptible(a.ctx, a.in, limit)
	} else {
		data, err = readFile(path, limit)
	}
	if err != nil {
		if pathErr, ok := errors.AsType[*os.PathError](err); ok {
			err = pathErr.Err
		}
		return "", fmt.Errorf("%s: %w", name, err)
	}
	if at := invalidUTF8(data); at >= 0 {
		return "", fmt.Errorf("%s: byte %d is not UTF-8 text", name, at)
	}
	if len(bytes.TrimSpace(data)) == 0 {
		return "", fmt.Errorf("%s: holds nothing", name)
	}
	return string(data), nil
}

func readFile(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readBounded(f, limit)
}

// readBounded reads one byte more than it accepts, and so knows what is too long without
// holding it.
func readBounded(r io.Reader, limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("larger than %s", byteSize(limit))
	}
	return data, nil
}

// readInterruptible gives up waiting for r when ctx ends. The read itself cannot be
// ended; it goes with the process.
func readInterruptible(ctx context.Context, r io.Reader, limit int64) ([]byte, error) {
	type result struct {
		data []byte
		err  error
	}
	results := make(chan result, 1)
	go func() {
		data, err := readBounded(r, limit)
		results <- result{data, err}
	}()
	select {
	case r := <-results:
		return r.data, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func byteSize(n int64) string {
	if n >= 1<<20 && n%(1<<20) == 0 {
		return fmt.Sprintf("%d MiB", n>>20)
	}
	return fmt.Sprintf("%d bytes", n)
}

// invalidUTF8 is the offset of the first byte that is not UTF-8, or -1.
func invalidUTF8(data []byte) int {
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return -1
}
