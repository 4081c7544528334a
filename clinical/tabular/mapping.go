package tabular

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
	"unicode/utf8"

	_ "time/tzdata" // a mapping means the same on a machine without a database of time zones

	"go.yaml.in/yaml/v3"

	"github.com/bedside-lm/bedside/clinical/record"
)

// Mapping says what the columns of a table are. It is safe for concurrent use.
type Mapping struct {
	spec    spec
	columns []string // all that are read, each once
	at      map[string]int
	layouts []layout
	births  []layout
	zone    *time.Location // nil where the mapping names none
	wide    []wideColumn
	missing map[string]bool
}

// spec is the mapping file. docs/preparation.md describes it for those who write one.
type spec struct {
	Encoding  string   `yaml:"encoding"`  // "utf-8" (the default) or "gb18030"
	Delimiter string   `yaml:"delimiter"` // "," by default
	Decimal   string   `yaml:"decimal"`   // "." (the default) or ","
	Missing   []string `yaml:"missing"`   // cells that hold no value, beside the empty one
	Patient   struct {
		ID        string            `yaml:"id"`       // column
		Constant  string            `yaml:"constant"` // the id, where the table has no column of it
		Sex       string            `yaml:"sex"`      // column
		Sexes     map[string]string `yaml:"sexes"`    // the table's own words, to male, female, other or unknown
		BirthDate string            `yaml:"birth_date"`
		Layouts   []string          `yaml:"birth_date_layouts"`
	} `yaml:"patient"`
	Encounter struct {
		ID    string `yaml:"id"`
		Class string `yaml:"class"`
		Start string `yaml:"start"`
		End   string `yaml:"end"`
	} `yaml:"encounter"`
	Time struct {
		Columns []string `yaml:"columns"` // joined by a space: a date and a time of day
		Layouts []string `yaml:"layouts"`
		Zone    string   `yaml:"zone"`
	} `yaml:"time"`
	Device string     `yaml:"device"` // column
	Long   *longSpec  `yaml:"long"`
	Wide   []wideSpec `yaml:"wide"`
	Label  struct {
		Column string `yaml:"column"`
		System string `yaml:"system"` // "icd-10-cm", "icd-10" or "" for words
	} `yaml:"label"`
}

// longSpec names the columns of a table with one reading a row.
type longSpec struct {
	Code   string `yaml:"code"`
	System string `yaml:"system"` // of the codes: "loinc" (the default) or "mdc"
	Name   string `yaml:"name"`
	Value  string `yaml:"value"`
	Unit   string `yaml:"unit"`
	Range  string `yaml:"range"`
	Flag   string `yaml:"flag"`
	Words  bool   `yaml:"words"` // values may be words
}

// wideSpec is one measure's column.
type wideSpec struct {
	Column string `yaml:"column"`
	Code   string `yaml:"code"`
	System string `yaml:"system"`
	Name   string `yaml:"name"`
	Unit   string `yaml:"unit"`
	Words  bool   `yaml:"words"`
}

// maxMapping is far beyond any mapping that a person writes.
const maxMapping = 1 << 20

// ParseMapping reads a mapping file (YAML). A key that is not known is an error, so that a
// slip of the pen does not leave a column unread. The error is a *record.InvalidError with
// paths such as "mapping.wide[3].unit", or a *record.LimitError.
func ParseMapping(data []byte) (*Mapping, error) {
	if len(data) > maxMapping {
		return nil, &record.LimitError{Path: "mapping", What: "bytes", Limit: maxMapping}
	}
	m := &Mapping{at: map[string]int{}, missing: map[string]bool{"": true}}
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	if err := d.Decode(&m.spec); err != nil {
		return nil, notYAML(err)
	}
	if err := d.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, invalid("mapping", "expected one YAML document and nothing behind it")
	}
	c := &compiler{m: m}
	c.compile()
	if len(c.violations) > 0 {
		return nil, &record.InvalidError{Violations: c.violations}
	}
	return m, nil
}

// notYAML turns the YAML reader's complaints into the record's. They quote what stands there, which may be a patient's line
// in the wrong place, so their number of the line is all that is taken of them.
func notYAML(err error) error {
	if errors.Is(err, io.EOF) {
		return invalid("mapping", "empty")
	}
	typed, ok := errors.AsType[*yaml.TypeError](err)
	if !ok {
		return invalid("mapping", "%snot YAML", lineOf("yaml: ", err.Error()))
	}
	out := &record.InvalidError{}
	for _, e := range typed.Errors {
		out.Violations = append(out.Violations, record.Violation{
			Path: "mapping", Message: lineOf("", e) + "a key that a mapping does not have there, or has already, or a value of another type",
		})
	}
	return out
}

// lineOf gives "line 3: " where a complaint begins so.
func lineOf(before, complaint string) string {
	var line int
	if _, err := fmt.Sscanf(complaint, before+"line %d:", &line); err != nil {
		return ""
	}
	return fmt.Sprintf("line %d: ", line)
}

// Columns are the names of the columns that the mapping reads, in the order of Row.Cells.
func (m *Mapping) Columns() []string { return slices.Clone(m.columns) }

// HasPatients says whether the table tells whose each row is. Where it does not, all rows
// are of the one patient that the mapping names.
func (m *Mapping) HasPatients() bool { return m.spec.Patient.ID != "" }

// compiler checks a mapping and makes ready what reading needs.
type compiler struct {
	m          *Mapping
	violations []record.Violation
}

func (c *compiler) fail(path, format string, args ...any) {
	c.violations = append(c.violations, record.Violation{Path: "mapping." + path, Message: fmt.Sprintf(format, args...)})
}

// column notes that a column is read. One that is read for two things has one cell.
func (c *compiler) column(name string) {
	if _, known := c.m.at[name]; name != "" && !known {
		c.m.at[name] = len(c.m.columns)
		c.m.columns = append(c.m.columns, name)
	}
}

func (c *compiler) compile() {
	s := &c.m.spec
	c.choice("encoding", &s.Encoding, "utf-8", "gb18030")
	c.choice("decimal", &s.Decimal, ".", ",")
	c.delimiter()
	for _, t := range s.Missing {
		c.m.missing[t] = true
	}
	c.patient()
	c.times()
	for _, name := range []string{s.Encounter.ID, s.Encounter.Class, s.Encounter.Start, s.Encounter.End, s.Device, s.Label.Column} {
		c.column(name)
	}
	if e := s.Encounter; e.ID == "" && e.Class+e.Start+e.End != "" {
		c.fail("encounter.id", "required beside the encounter's other columns")
	}
	c.choice("label.system", &s.Label.System, "", "icd-10-cm", "icd-10")
	switch {
	case (s.Long == nil) == (len(s.Wide) == 0):
		c.fail("long", "expected either long or wide")
	case s.Long != nil:
		c.long(s.Long)
	default:
		for i := range s.Wide {
			c.wide(fmt.Sprintf("wide[%d]", i), &s.Wide[i])
		}
	}
}

// choice checks one of a few words; the first is the default.
func (c *compiler) choice(path string, value *string, allowed ...string) {
	if *value == "" {
		*value = allowed[0]
	}
	if !slices.Contains(allowed, *value) {
		c.fail(path, "expected one of %q", allowed)
	}
}

func (c *compiler) delimiter() {
	s := &c.m.spec
	if s.Delimiter == "" {
		s.Delimiter = ","
	}
	r, size := utf8.DecodeRuneInString(s.Delimiter)
	if size != len(s.Delimiter) || r == '"' || r == '\r' || r == '\n' || r == utf8.RuneError || r == 0 {
		c.fail("delimiter", `expected one character, such as "," or "\t"`)
	} else if s.Delimiter == s.Decimal {
		// Allowed by RFC 4180 where such numbers stand in quotes; nobody can be sure that they do.
		c.fail("decimal", "the same character as the delimiter")
	}
}

func (c *compiler) patient() {
	p := &c.m.spec.Patient
	if (p.ID == "") == (p.Constant == "") {
		c.fail("patient.id", "expected either a column (id) or a constant")
	}
	for _, name := range []string{p.ID, p.Sex, p.BirthDate} {
		c.column(name)
	}
	for _, sex := range p.Sexes {
		if !slices.Contains([]string{"male", "female", "other", "unknown"}, sex) {
			c.fail("patient.sexes", "expected male, female, other or unknown")
		}
	}
	if len(p.Layouts) == 0 {
		p.Layouts = []string{"YYYY-M-D", "YYYY/M/D", "YYYYMMDD", "YYYY年M月D日", "YYYY-MM", "YYYY"}
	}
	c.m.births = c.layouts("patient.birth_date_layouts", p.Layouts)
}
