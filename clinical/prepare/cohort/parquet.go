package cohort

import (
	"io"
	"math"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"github.com/bedside-lm/bedside/clinical/prepare/features"
)

// A kind of table: what it holds and how it is packed. rows bounds what is held in memory before
// it is written.
type tableKind struct {
	schema *arrow.Schema
	rows   int
	codec  compress.Compression
	// dictionary is for columns in which few values repeat often.
	dictionary bool
}

func readingsTable() tableKind {
	return tableKind{schema: readingsSchema, rows: 16_384, codec: compress.Codecs.Zstd, dictionary: true}
}

// featuresTable has so many columns that each holds little: a packer that begins anew for each
// column must be a light one, and a dictionary costs more than it saves.
func featuresTable() tableKind {
	return tableKind{schema: featuresSchema(), rows: 512, codec: compress.Codecs.Snappy}
}

func vectorsTable(length int) tableKind {
	return tableKind{schema: vectorsSchema(length), rows: 2048, codec: compress.Codecs.Snappy}
}

// table is a Parquet file being written.
type table struct {
	b       *array.RecordBuilder
	w       *pqarrow.FileWriter
	rows    int
	pending int
}

func newTable(w io.Writer, kind tableKind) (*table, error) {
	props := parquet.NewWriterProperties(
		parquet.WithCompression(kind.codec), parquet.WithDictionaryDefault(kind.dictionary), parquet.WithCreatedBy("bedside"),
	)
	// A writer that is only a Writer stays open: closing is the file's own business.
	pw, err := pqarrow.NewFileWriter(kind.schema, struct{ io.Writer }{w}, props, pqarrow.DefaultWriterProps())
	if err != nil {
		return nil, err
	}
	return &table{b: array.NewRecordBuilder(memory.DefaultAllocator, kind.schema), w: pw, rows: kind.rows}, nil
}

// row is told after each row that was built.
func (t *table) row() error {
	if t.pending++; t.pending < t.rows {
		return nil
	}
	return t.flush()
}

func (t *table) flush() error {
	if t.pending == 0 {
		return nil
	}
	t.pending = 0
	rec := t.b.NewRecordBatch()
	defer rec.Release()
	return t.w.Write(rec)
}

func (t *table) close() error {
	defer t.b.Release()
	if err := t.flush(); err != nil {
		return err
	}
	return t.w.Close()
}

var stringType = arrow.BinaryTypes.String

func field(name string, typ arrow.DataType, nullable bool) arrow.Field {
	return arrow.Field{Name: name, Type: typ, Nullable: nullable}
}

var readingsSchema = arrow.NewSchema([]arrow.Field{
	field("patient", stringType, false), field("observation", stringType, false), field("component", arrow.PrimitiveTypes.Int32, true),
	field("encounter", stringType, true), field("device", stringType, true),
	field("time", arrow.FixedWidthTypes.Timestamp_us, true), field("code", stringType, true), field("measure", stringType, true),
	field("value", arrow.PrimitiveTypes.Float64, false), field("comparator", stringType, true), field("unit", stringType, true),
	field("raw_value", arrow.PrimitiveTypes.Float64, true), field("raw_unit", stringType, true), field("raw_time", arrow.FixedWidthTypes.Timestamp_us, true),
	field("marks", stringType, true), field("derived_from", stringType, true),
}, nil)

// readings adds a patient's rows.
func (t *table) readings(patient string, rows []Row) error {
	for i := range rows {
		r := &rows[i]
		c := columns{b: t.b}
		c.text(patient)
		c.text(r.ID)
		c.place(r.Component)
		c.text(r.Encounter)
		c.text(r.Device)
		c.time(r.Time)
		c.text(r.Code)
		c.text(r.Measure)
		c.number(r.Value)
		c.text(r.Comparator)
		c.text(r.Unit)
		if r.RawTime == noTime && r.RawUnit == "" && r.RawValue == 0 {
			c.none()
		} else {
			c.number(r.RawValue)
		}
		c.text(r.RawUnit)
		c.time(r.RawTime)
		c.text(r.Marks)
		c.text(r.DerivedFrom)
		if err := t.row(); err != nil {
			return err
		}
	}
	return nil
}

// columns fills one row from left to right.
type columns struct {
	b *array.RecordBuilder
	i int
}

func (c *columns) next() array.Builder {
	c.i++
	return c.b.Field(c.i - 1)
}

// text writes a string; the first two columns have one always, others none where it is empty.
func (c *columns) text(s string) {
	nullable := c.b.Schema().Field(c.i).Nullable
	b, _ := c.next().(*array.StringBuilder)
	if s == "" && nullable {
		b.AppendNull()
		return
	}
	b.Append(s)
}

func (c *columns) number(v float64) {
	b, _ := c.next().(*array.Float64Builder)
	b.Append(v)
}

func (c *columns) none() { c.next().AppendNull() }

func (c *columns) place(component int) {
	b, _ := c.next().(*array.Int32Builder)
	if component < 0 {
		b.AppendNull()
		return
	}
	b.Append(int32(component))
}

func (c *columns) time(micros int64) {
	b, _ := c.next().(*array.TimestampBuilder)
	if micros == noTime {
		b.AppendNull()
		return
	}
	b.Append(arrow.Timestamp(micros))
}

func featuresSchema() *arrow.Schema {
	fs := []arrow.Field{field("patient", stringType, false), field("label", stringType, true)}
	for _, c := range features.Schema() {
		fs = append(fs, arrow.Field{Name: c.Name, Type: arrow.PrimitiveTypes.Float64, Nullable: true, Metadata: arrow.NewMetadata([]string{"unit"}, []string{c.Unit})})
	}
	meta := arrow.NewMetadata([]string{"schema"}, []string{features.SchemaName})
	return arrow.NewSchema(fs, &meta)
}

// features adds a patient's numbers. What was not measured is null, not a number.
func (t *table) features(p *Prepared) error {
	c := columns{b: t.b}
	c.text(p.Patient)
	c.text(p.Label)
	for _, v := range p.Features {
		if math.IsNaN(v) {
			c.none()
		} else {
			c.number(v)
		}
	}
	return t.row()
}

func vectorsSchema(length int) *arrow.Schema {
	return arrow.NewSchema([]arrow.Field{
		field("patient", stringType, false), field("label", stringType, true),
		field("vector", arrow.FixedSizeListOf(int32(length), arrow.PrimitiveTypes.Float32), false),
	}, nil)
}

func (t *table) vector(p *Prepared) error {
	c := columns{b: t.b}
	c.text(p.Patient)
	c.text(p.Label)
	list, _ := c.next().(*array.FixedSizeListBuilder)
	list.Append(true)
	values, _ := list.ValueBuilder().(*array.Float32Builder)
	values.AppendValues(p.Vector, nil)
	return t.row()
}
