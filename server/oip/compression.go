package oip

import (
	"compress/zlib"
	"io"
	"sync"

	"google.golang.org/grpc/encoding"
	_ "google.golang.org/grpc/encoding/gzip" // registers itself
)

// Triton's clients offer gzip and deflate. gRPC for Go brings the first; the second is this. gRPC holds what comes out
// of either against the limit of a message's size as it is unpacked.
func init() { encoding.RegisterCompressor(&deflate{}) }

// deflate is gRPC's "deflate": the zlib format of RFC 1950.
type deflate struct{ writers sync.Pool }

// Name is the compressor's name on the wire.
func (*deflate) Name() string { return "deflate" }

// Compress packs what is written, until Close.
func (d *deflate) Compress(w io.Writer) (io.WriteCloser, error) {
	z, ok := d.writers.Get().(*zlib.Writer)
	if !ok {
		z = zlib.NewWriter(w)
	}
	z.Reset(w)
	return &deflating{Writer: z, of: d}, nil
}

// Decompress unpacks what is read.
func (*deflate) Decompress(r io.Reader) (io.Reader, error) { return zlib.NewReader(r) }

// deflating gives its writer back at the end: each holds more than 100 KiB.
type deflating struct {
	*zlib.Writer
	of *deflate
}

func (w *deflating) Close() error {
	err := w.Writer.Close()
	w.of.writers.Put(w.Writer)
	return err
}
