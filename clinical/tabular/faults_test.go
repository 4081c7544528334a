package tabular_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding/simplifiedchinese"

	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/tabular"
)

const base = "patient: {id: p}\ntime: {columns: [t]}\n"

// wide is a mapping for most of the tables below.
const wide = base + "wide:\n  - {column: HR, code: 8867-4, unit: /min}\n  - {column: BP, code: 85354-9, unit: mmHg}\n"

func TestMappingsThatCannotBeMeant(t *testing.T) {
	hr := "wide: [{column: HR, code: 8867-4, unit: /min}]\n"
	for name, c := range map[string]struct{ text, path string }{
		"nothing":           {"", "mapping"},
		"not YAML":          {"patient: [", "mapping"},
		"of another kind":   {"[]", "mapping"},
		"a slip of the pen": {wide + "colour: red\n", "mapping"},
		"a slip below":      {base + "wide: [{colum: HR}]\n", "mapping"},
		"a key twice":       {wide + "device: a\ndevice: b\n", "mapping"},
		"two documents":     {wide + "---\n" + wide, "mapping"},
		"no patient":        {"time: {columns: [t]}\n" + hr, "mapping.patient.id"},
		"two patients":      {"patient: {id: p, constant: x}\ntime: {columns: [t]}\n" + hr, "mapping.patient.id"},
		"no time":           {"patient: {id: p}\n" + hr, "mapping.time.columns"},
		"time without name": {"patient: {id: p}\ntime: {columns: ['']}\n" + hr, "mapping.time.columns[0]"},
		"layout":            {"patient: {id: p}\ntime: {columns: [t], layouts: [iso, noon]}\n" + hr, "mapping.time.layouts[1]"},
		"layout of Go":      {"patient: {id: p}\ntime: {columns: [t], layouts: ['2006-01-02']}\n" + hr, "mapping.time.layouts[0]"},
		"minutes alone":     {"patient: {id: p}\ntime: {columns: [t], layouts: ['YYYY-MM-DD mm']}\n" + hr, "mapping.time.layouts[0]"},
		"zone":              {"patient: {id: p}\ntime: {columns: [t], zone: Atlantis}\n" + hr, "mapping.time.zone"},
		"the machine's":     {"patient: {id: p}\ntime: {columns: [t], zone: Local}\n" + hr, "mapping.time.zone"},
		"no form":           {base, "mapping.long"},
		"both forms":        {wide + "long: {code: c, value: v}\n", "mapping.long"},
		"no code, no name":  {base + "long: {value: v}\n", "mapping.long.code"},
		"no value":          {base + "long: {code: c}\n", "mapping.long.value"},
		"system":            {base + "long: {code: c, value: v, system: snomed}\n", "mapping.long.system"},
		"no column":         {base + "wide: [{code: 8867-4, unit: /min}]\n", "mapping.wide[0].column"},
		"column twice":      {base + "wide: [{column: a, code: 8867-4, unit: /min}, {column: a, code: 9279-1, unit: /min}]\n", "mapping.wide[1].column"},
		"nobody's measure":  {base + "wide: [{column: blobs}]\n", "mapping.wide[0].name"},
		"no unit":           {base + "wide: [{column: G, code: 2345-7}]\n", "mapping.wide[0].unit"},
		"nobody's unit":     {base + "wide: [{column: HR, code: 8867-4, unit: blobs}]\n", "mapping.wide[0].unit"},
		"unit of another":   {base + "wide: [{column: HR, code: 8867-4, unit: mmol/L}]\n", "mapping.wide[0].unit"},
		"encoding":          {wide + "encoding: ebcdic\n", "mapping.encoding"},
		"decimal":           {wide + "decimal: x\n", "mapping.decimal"},
		"delimiter":         {wide + "delimiter: ab\n", "mapping.delimiter"},
		"quote":             {wide + "delimiter: '\"'\n", "mapping.delimiter"},
		"comma for both":    {wide + "decimal: ','\n", "mapping.decimal"},
		"sexes":             {"patient: {id: p, sex: s, sexes: {'1': man}}\ntime: {columns: [t]}\n" + hr, "mapping.patient.sexes"},
		"born":              {"patient: {id: p, birth_date: b, birth_date_layouts: [x]}\ntime: {columns: [t]}\n" + hr, "mapping.patient.birth_date_layouts[0]"},
		"encounter":         {wide + "encounter: {class: c}\n", "mapping.encounter.id"},
		"label":             {wide + "label: {column: d, system: icd-9}\n", "mapping.label.system"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := tabular.ParseMapping([]byte(c.text))
			var wrong *record.InvalidError
			require.ErrorAs(t, err, &wrong)
			require.Len(t, wrong.Violations, 1, "%v", err)
			require.Equal(t, c.path, wrong.Violations[0].Path)
			require.NotEmpty(t, wrong.Violations[0].Message)
		})
	}
	_, err := tabular.ParseMapping([]byte(wide + "#" + strings.Repeat("x", 1<<20)))
	var limit *record.LimitError
	require.ErrorAs(t, err, &limit)
}

func TestFaultsAreNamed(t *testing.T) {
	more := "patient: {id: p, sex: s, birth_date: b}\nencounter: {id: e, start: es, end: ee}\ntime: {columns: [t]}\n" +
		"long: {code: c, name: n, value: v, unit: u}\n"
	const head = "p,s,b,e,es,ee,t,c,n,v,u\n"
	for name, c := range map[string]struct{ mapping, table, path string }{
		"empty":            {wide, "", "row 1"},
		"no rows":          {wide, "p,t,HR,BP\n", "table"},
		"missing columns":  {wide, "p,t,hr\n", `row 1, column "HR"|row 1, column "BP"`},
		"column twice":     {wide, "p,t,HR,HR,BP\n", `row 1, column "HR"`},
		"a cell missing":   {wide, "p,t,HR,BP\nx,2026-01-01T00:00:00Z,80\n", "row 2"},
		"a cell too many":  {wide, "p,t,HR,BP\nx,2026-01-01T00:00:00Z,80,,\n", "row 2"},
		"quote":            {wide, "p,t,HR,BP\nx,2026-01-01T00:00:00Z,8\"0,\n", "row 2"},
		"quote left open":  {wide, "p,t,HR,BP\n\n\nx,2026-01-01T00:00:00Z,80,\nx,\"Zora,80,\n\n", "row 5"},
		"not UTF-8":        {wide, "p,t,HR,BP\nx,2026-01-01T00:00:00Z,\xff,\n", `row 2, column "HR"`},
		"control":          {wide, "p,t,HR,BP\nx,2026-01-01T00:00:00Z,8\x000,\n", `row 2, column "HR"`},
		"no patient":       {wide, "p,t,HR,BP\n,2026-01-01T00:00:00Z,80,\n", `row 2, column "p"`},
		"two patients":     {wide, "p,t,HR,BP\na,2026-01-01T00:00:00Z,80,\nZora,2026-01-01T00:00:00Z,80,\n", `row 3, column "p"`},
		"no time":          {wide, "p,t,HR,BP\nx,,80,\n", `row 2, column "t"`},
		"time":             {wide, "p,t,HR,BP\nx,Zora,80,\n", `row 2, column "t"`},
		"day there is not": {wide, "p,t,HR,BP\nx,2026-02-30T00:00:00Z,80,\n", `row 2, column "t"`},
		"number":           {wide, "p,t,HR,BP\nx,2026-01-01T00:00:00Z,Zora,\n", `row 2, column "HR"`},
		"thousands":        {wide, "p,t,HR,BP\nx,2026-01-01T00:00:00Z,\"1,080\",\n", `row 2, column "HR"`},
		"long number":      {wide, "p,t,HR,BP\nx,2026-01-01T00:00:00Z,11111111111111111111111111111111111,\n", `row 2, column "HR"`},
		"pressure":         {wide, "p,t,HR,BP\nx,2026-01-01T00:00:00Z,,120\n", `row 2, column "BP"`},
		"all of them":      {wide, "p,t,HR,BP\nx,noon,80,\n,noon,80,\nx,2026-01-01T00:00:00Z,Zora,Zora\n", `row 2, column "t"|row 3, column "p"|row 4, column "HR"|row 4, column "BP"`},
		"rows have lines":  {wide, "p,t,HR,BP\n\"x\n\",2026-01-01T00:00:00Z,80,\n\nx,2026-01-01T00:00:00Z,Zora,\n", `row 4, column "HR"`},
		"sex":              {more, head + "x,Zora,,,,,2026-01-01T00:00:00Z,8867-4,,80,/min\n", `row 2, column "s"`},
		"another sex":      {more, head + "x,m,,,,,2026-01-01T00:00:00Z,8867-4,,80,/min\nx,f,,,,,2026-01-01T00:00:00Z,8867-4,,80,/min\n", `row 3, column "s"`},
		"born":             {more, head + "x,,Zora,,,,2026-01-01T00:00:00Z,8867-4,,80,/min\n", `row 2, column "b"`},
		"born twice":       {more, head + "x,,1970,,,,2026-01-01T00:00:00Z,8867-4,,80,/min\nx,,1971,,,,2026-01-01T00:00:00Z,8867-4,,80,/min\n", `row 3, column "b"`},
		"end before start": {more, head + "x,,,e,2026-01-02T00:00:00Z,2026-01-01T00:00:00Z,2026-01-01T00:00:00Z,8867-4,,80,/min\n", `row 2, column "ee"`},
		"nothing measured": {more, head + "x,,,,,,2026-01-01T00:00:00Z,,,80,/min\n", `row 2, column "c"`},
		"unit of another":  {more, head + "x,,,,,,2026-01-01T00:00:00Z,8867-4,,80,mmol/L\n", `row 2, column "u"`},
		"words":            {more, head + "x,,,,,,2026-01-01T00:00:00Z,8867-4,,Zora,/min\n", `row 2, column "v"`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := tabular.Parse([]byte(c.table), mapping(t, c.mapping), tabular.Limits{})
			var wrong *record.InvalidError
			require.ErrorAs(t, err, &wrong)
			paths := make([]string, len(wrong.Violations))
			for i, v := range wrong.Violations {
				paths[i] = v.Path
			}
			require.Equal(t, c.path, strings.Join(paths, "|"), "%v", err)
			require.NotContains(t, err.Error(), "Zora")
		})
	}
}

func TestLimits(t *testing.T) {
	m := mapping(t, wide)
	row := "x,2026-01-01T00:00:00Z,80,\n"
	many := "p,t,HR,BP\n" + strings.Repeat(row, 100)
	for name, c := range map[string]struct {
		table string
		lim   tabular.Limits
		path  string
	}{
		"bytes":      {many, tabular.Limits{Bytes: 500}, "table"},
		"rows":       {many, tabular.Limits{Rows: 50}, "row 52"},
		"row":        {many + `x,"` + strings.Repeat("Zora", 1<<20), tabular.Limits{RowBytes: 1000}, "row 102"},
		"columns":    {many, tabular.Limits{Columns: 3}, "row 1"},
		"whole rows": {many, tabular.Limits{Bytes: 1}, "table"},
	} {
		_, err := tabular.Parse([]byte(c.table), m, c.lim)
		var limit *record.LimitError
		require.ErrorAs(t, err, &limit, name)
		require.Equal(t, c.path, limit.Path, name)
	}
	_, err := tabular.Parse([]byte("p,t,HR,BP\nx,2026-01-01T00:00:00Z,80,"+strings.Repeat("1", 5000)+"\n"), m, tabular.Limits{})
	require.ErrorContains(t, err, `row 2, column "BP": a cell of more than 4096 bytes`)
	_, err = tabular.Parse([]byte("p,t,HR,BP\n"+strings.Repeat("x,noon,80,\n", 100)), m, tabular.Limits{Violations: 3})
	var wrong *record.InvalidError
	require.ErrorAs(t, err, &wrong)
	require.Len(t, wrong.Violations, 3)
	rec, err := tabular.Parse([]byte("p,t,HR,BP\n"+strings.Repeat("x,2026-01-01T00:00:00Z,5000,\n", 100)), m, tabular.Limits{Notices: 3})
	require.NoError(t, err)
	require.Len(t, rec.Notices, 4)
	require.Equal(t, record.NoticeMore, rec.Notices[3].Kind)
}

func TestEncodings(t *testing.T) {
	const table = "p,t,心率\nx,2026-01-01 08:00,88\n"
	const m = base + "wide: [{column: 心率, unit: 次/分}]\n"
	gb, err := simplifiedchinese.GB18030.NewEncoder().String(table)
	require.NoError(t, err)
	marked, err := simplifiedchinese.GB18030.NewEncoder().String("\ufeff" + table)
	require.NoError(t, err)
	for name, c := range map[string][2]string{
		"UTF-8": {m, table}, "with a byte order mark": {m, "\ufeff" + table}, "with a quote behind it": {m, "\ufeff\"p\",t,心率\nx,2026-01-01 08:00,88\n"},
		"GB 18030": {m + "encoding: gb18030\n", gb}, "GB 18030, marked": {m + "encoding: gb18030\n", marked}, "other line ends": {m, strings.ReplaceAll(table, "\n", "\r\n")},
	} {
		rec, err := tabular.Parse([]byte(c[1]), mapping(t, c[0]), tabular.Limits{})
		require.NoError(t, err, name)
		require.Equal(t, "8867-4", rec.Observations[0].Code.Code(record.SystemLOINC), name)
		require.Equal(t, "/min", rec.Observations[0].Value.Quantity.Code, name)
	}
	_, err = tabular.Parse([]byte("p,t,w\nx,2026-01-01 08:00,\xff\xffab\n"), mapping(t, base+"encoding: gb18030\nwide: [{column: w, code: x, words: true}]\n"), tabular.Limits{})
	require.ErrorContains(t, err, `row 2, column "w": not in the encoding`)
}

// The cohort reads row by row: a bad row is told and passed over, an error of the file is final.
func TestRowsGoOnBehindABadOne(t *testing.T) {
	table := "note,HR,t,p,BP\nZora,80,noon,a,\nZora,80,noon\n\"Zora\" x,80,noon,b,\n,80,noon,,\nZora,81,\"noon\n\",c/1,\n"
	m := mapping(t, wide)
	rows, err := tabular.NewRows(strings.NewReader(table), "day.csv", m, tabular.Limits{})
	require.NoError(t, err)
	var good []tabular.Row
	var bad []string
	for {
		row, err := rows.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		var wrong *record.InvalidError
		if errors.As(err, &wrong) {
			bad = append(bad, wrong.Violations[0].Path)
			continue
		}
		require.NoError(t, err)
		good = append(good, row)
	}
	require.Equal(t, []string{"day.csv: row 3", "day.csv: row 4", `day.csv: row 5, column "p"`}, bad)
	require.Equal(t, []string{"p", "t", "HR", "BP"}, m.Columns())
	require.Equal(t, []string{"a", "noon", "80", ""}, good[0].Cells, "in the mapping's order, and nothing else")
	require.Equal(t, 6, good[1].Number)
	require.NotContains(t, good[1].Patient, "/")
	cells, ok := m.Cells(good[1].Append(nil))
	require.True(t, ok)
	require.Equal(t, good[1].Cells, cells)
	for _, broken := range []string{"", "\x01", "\x01a", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"} {
		_, ok := m.Cells([]byte(broken))
		require.False(t, ok)
	}

	failing := io.MultiReader(strings.NewReader("p,t,HR,BP\nx,y,1,\n"), iotest.ErrReader(io.ErrClosedPipe))
	rows, err = tabular.NewRows(failing, "day.csv", m, tabular.Limits{})
	require.NoError(t, err)
	_, err = rows.Next()
	require.NoError(t, err)
	for range 2 {
		_, err = rows.Next()
		require.ErrorIs(t, err, io.ErrClosedPipe)
		require.ErrorContains(t, err, "day.csv: row 3")
	}
}
