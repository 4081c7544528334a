package cohort

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync/atomic"

	"github.com/bedside-lm/bedside/clinical/fhir"
	"github.com/bedside-lm/bedside/clinical/record"
)

// block is a stretch of the input that one worker puts in order.
type block struct {
	number int
	texts  []Item // without a patient yet
	bytes  int64
	told   told // what was wrong while cutting the input into pieces
}

// told is what is known of a block's pieces that could not be used.
type told struct {
	Pieces   int // of the block, usable or not
	Rejected int
	Listed   []Reject // the first of them
}

// listed bounds the rejects that are told one by one of a block or a partition, so that a file
// of nothing but broken lines needs no more room than any other.
const listed = 1000

func (t *told) reject(r Reject) {
	t.Rejected++
	if len(t.Listed) < listed {
		t.Listed = append(t.Listed, r)
	}
}

// itemBytes is what an item takes beside its text.
const itemBytes = 128

// reader cuts the inputs into blocks, in order. The same job gives the same blocks.
type reader struct {
	job     *Job
	inputs  []input
	digests []string
	read    *atomic.Int64 // bytes of the files so far
	out     chan<- *block
	current *block
	number  int
}

// counter counts what is read of a file.
type counter struct{ n *atomic.Int64 }

func (c counter) Write(b []byte) (int, error) {
	c.n.Add(int64(len(b)))
	return len(b), nil
}

func (r *reader) run(ctx context.Context) error {
	r.current = &block{}
	for i := range r.inputs {
		if err := r.file(ctx, i); err != nil {
			return err
		}
	}
	if r.current.told.Pieces > 0 {
		return r.hand(ctx)
	}
	return nil
}

func (r *reader) file(ctx context.Context, i int) (err error) {
	in := &r.inputs[i]
	o, err := in.open(counter{r.read})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.file.Close()) }()
	if err := r.pieces(ctx, o, i); err != nil {
		return err
	}
	r.digests[i], err = o.sum()
	return err
}

// pieces takes a file to pieces, whatever its format.
func (r *reader) pieces(ctx context.Context, from io.Reader, i int) error {
	switch in := &r.inputs[i]; {
	case in.whole():
		return r.whole(ctx, from, i)
	case in.format == FormatFHIR:
		return r.lines(ctx, from, i)
	default:
		return r.other(ctx, from, i)
	}
}

// whole takes a file as one piece.
func (r *reader) whole(ctx context.Context, o io.Reader, i int) error {
	limit := r.job.Limits.Bytes
	data, err := io.ReadAll(io.LimitReader(o, limit+1))
	if err != nil {
		return err
	}
	if int64(len(data)) > limit {
		return r.reject(ctx, i, 1, &record.LimitError{Path: r.inputs[i].Name, What: "bytes", Limit: limit})
	}
	if len(bytes.TrimSpace(data)) == 0 {
		return nil
	}
	return r.add(ctx, Item{Format: FormatFHIR, File: i, Line: 1, Text: data})
}

// lines takes NDJSON line by line.
func (r *reader) lines(ctx context.Context, o io.Reader, i int) error {
	lines := fhir.NewLines(o, r.inputs[i].Name, r.job.Limits)
	for {
		l, err := lines.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			if err := r.reject(ctx, i, l.Number, err); err != nil {
				return err
			}
			continue
		}
		if err := r.add(ctx, Item{Format: FormatFHIR, File: i, Line: l.Number, Text: bytes.Clone(l.Text)}); err != nil {
			return err
		}
	}
}

// reject notes a piece that cannot be used. An error that is not the piece's own comes back.
func (r *reader) reject(ctx context.Context, i, line int, err error) error {
	ps, ok := problems(err)
	if !ok {
		return err
	}
	r.current.told.reject(Reject{File: r.inputs[i].Name, Line: line, Problems: ps})
	return r.grow(ctx, 0)
}

// add takes one piece into the current block.
func (r *reader) add(ctx context.Context, it Item) error {
	r.current.texts = append(r.current.texts, it)
	return r.grow(ctx, len(it.Text))
}

// grow counts one piece, and hands the block on when it is full.
func (r *reader) grow(ctx context.Context, bytes int) error {
	r.current.told.Pieces++
	r.current.bytes += itemBytes + int64(bytes)
	if r.current.bytes < r.job.BlockBytes {
		return nil
	}
	return r.hand(ctx)
}

func (r *reader) hand(ctx context.Context) error {
	r.current.number = r.number
	select {
	case r.out <- r.current:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	r.number++
	r.current = &block{}
	return nil
}
