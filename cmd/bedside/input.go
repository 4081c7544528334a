package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/bedside-lm/bedside/cmd/bedside/internal/records"
)

const (
	maxRecordBytes = records.MaxBytes
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
		data, err = readBounded(interruptible{a.ctx, a.in}, limit)
	} else {
		data, err = readFile(path, limit)
	}
	if err != nil {
		if pathErr, ok := errors.AsType[*os.PathError](err); ok {
			err = pathErr.Err
		}
		return "", fmt.Errorf("%s: %w", name, err)
	}
	if at := records.NotUTF8(data); at >= 0 {
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

// interruptible gives up waiting for what is read when ctx ends. The read itself cannot be ended; it goes with the
// process.
type interruptible struct {
	ctx context.Context //nolint:containedctx // a reader takes none
	r   io.Reader
}

func (i interruptible) Read(p []byte) (int, error) {
	type result struct {
		data []byte
		err  error
	}
	results := make(chan result, 1)
	go func() {
		buffer := make([]byte, len(p)) // not p, which its owner may use again
		n, err := i.r.Read(buffer)
		results <- result{buffer[:n], err}
	}()
	select {
	case r := <-results:
		return copy(p, r.data), r.err
	case <-i.ctx.Done():
		return 0, i.ctx.Err()
	}
}

func byteSize(n int64) string {
	if n >= 1<<20 && n%(1<<20) == 0 {
		return fmt.Sprintf("%d MiB", n>>20)
	}
	return fmt.Sprintf("%d bytes", n)
}
