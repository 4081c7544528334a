// Package mllp carries HL7 v2 messages over TCP: HL7's Minimal Lower Layer Protocol, Release 1
// (start block, message, end block, carriage return), with its acknowledgements.
package mllp

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"github.com/bedside-lm/bedside/clinical/record"
)

const (
	startBlock = 0x0b
	endBlock   = 0x1c
	carriage   = '\r'
)

// ErrFraming says that bytes came that are no frame; the connection cannot be gone on with.
var ErrFraming = errors.New("mllp: bytes outside a frame")

// Reader reads frames.
type Reader struct {
	r     *bufio.Reader
	limit int
}

// NewReader reads frames of at most limit bytes from r; 0 is 16 MiB.
func NewReader(r io.Reader, limit int) *Reader {
	if limit <= 0 {
		limit = 16 << 20
	}
	return &Reader{r: bufio.NewReaderSize(r, 64<<10), limit: limit}
}

// Next gives the message of the next frame, in memory of its own. The error is io.EOF between
// frames, io.ErrUnexpectedEOF within one, ErrFraming, a *record.LimitError, or r's own.
func (f *Reader) Next() ([]byte, error) {
	if err := f.start(); err != nil {
		return nil, err
	}
	var out []byte
	for {
		c, err := f.r.ReadByte()
		if err != nil {
			return nil, unexpected(err)
		}
		if c == endBlock {
			break
		}
		if len(out) >= f.limit {
			return nil, &record.LimitError{Path: "frame", What: "bytes", Limit: int64(f.limit)}
		}
		out = append(out, c)
	}
	c, err := f.r.ReadByte()
	if err != nil {
		return nil, unexpected(err)
	}
	if c != carriage {
		return nil, ErrFraming
	}
	return out, nil
}

// start reads up to a frame's first byte. Line ends between frames are passed over: some
// senders put them there.
func (f *Reader) start() error {
	for {
		c, err := f.r.ReadByte()
		if err != nil {
			return err
		}
		switch c {
		case startBlock:
			return nil
		case '\r', '\n':
		default:
			return ErrFraming
		}
	}
}

func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// Write writes one message as a frame. A message that holds an end block cannot be framed.
func Write(w io.Writer, message []byte) error {
	for _, c := range message {
		if c == endBlock || c == startBlock {
			return fmt.Errorf("mllp: the message holds a framing byte")
		}
	}
	frame := make([]byte, 0, len(message)+3)
	frame = append(append(append(frame, startBlock), message...), endBlock, carriage)
	_, err := w.Write(frame)
	return err
}
