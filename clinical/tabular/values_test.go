package tabular_test

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/bedside-lm/bedside/clinical/fhir"
	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/tabular"
)

func TestTimes(t *testing.T) {
	for name, c := range map[string]struct{ layout, zone, in, want string }{
		"ISO":              {"iso", "", "2026-03-14T07:05:06.5+08:00", "2026-03-14T07:05:06.5+08:00"},
		"a zone's winter":  {"YYYY-MM-DD hh:mm", "Europe/Berlin", "2026-01-14 07:05", "2026-01-14T07:05:00+01:00"},
		"a zone's summer":  {"YYYY-MM-DD hh:mm", "Europe/Berlin", "2026-07-14 07:05", "2026-07-14T07:05:00+02:00"},
		"an offset":        {"YYYY-MM-DD hh:mm:ss", "-03:30", "2026-07-14 07:05:06.25", "2026-07-14T07:05:06.25-03:30"},
		"its own zone":     {"YYYY-MM-DD hh:mm:ssZ", "Asia/Shanghai", "2026-07-14 07:05:06-05:00", "2026-07-14T07:05:06-05:00"},
		"without a colon":  {"YYYYMMDDhhmmssZZ", "", "20260714070506+0800", "2026-07-14T07:05:06+08:00"},
		"as spreadsheets":  {"YYYY/M/D h:mm", "Asia/Shanghai", "2026/3/4 8:05", "2026-03-04T08:05:00+08:00"},
		"day first":        {"D.M.YYYY hh:mm", "UTC", "4.3.2026 18:05", "2026-03-04T18:05:00Z"},
		"twelve hours":     {"M/D/YYYY h:mm AM", "UTC", "3/4/2026 8:05 PM", "2026-03-04T20:05:00Z"},
		"in Chinese":       {"YYYY年M月D日 hh时mm分", "Asia/Shanghai", "2026年3月4日 08时05分", "2026-03-04T08:05:00+08:00"},
		"seconds":          {"unix", "Asia/Shanghai", "1772582700.5", "2026-03-04T08:05:00.5+08:00"},
		"milliseconds":     {"unix-ms", "", "1772582700250", "2026-03-04T00:05:00.25Z"},
		"a day":            {"YYYY-MM-DD", "Asia/Shanghai", "2026-03-04", "2026-03-04"},
		"a month":          {"YYYY-MM", "", "2026-03", "2026-03"},
		"a year":           {"YYYY", "", "2026", "2026"},
		"summer time ends": {"YYYY-MM-DD hh:mm", "Europe/Berlin", "2026-10-25 03:30", "2026-10-25T03:30:00+01:00"},
	} {
		t.Run(name, func(t *testing.T) {
			text := fmt.Sprintf("patient: {constant: x}\ntime: {columns: [t], layouts: [%q], zone: %q}\nwide: [{column: HR, code: 8867-4, unit: /min}]\n", c.layout, c.zone)
			rec, err := tabular.Parse([]byte("t,HR\n"+c.in+",80\n"), mapping(t, text), tabular.Limits{})
			require.NoError(t, err)
			require.Equal(t, c.want, rec.Observations[0].Start.String())
			unsure := c.zone == "" && !strings.Contains(c.layout, "Z") && strings.Contains(c.layout, "h")
			require.Equal(t, unsure, len(rec.Notices) > 0)
		})
	}
	rec, err := tabular.Parse([]byte("p,t,HR,BP\nx,2026-03-04 08:05,80,\nx,2026-03-04 08:06,81,\n"), mapping(t, wide), tabular.Limits{})
	require.NoError(t, err)
	require.Len(t, rec.Notices, 1, "told once")
	require.Equal(t, record.NoticeZone, rec.Notices[0].Kind)
}

func TestNumbers(t *testing.T) {
	for _, c := range []struct{ decimal, in, want string }{
		{".", "7.40", "7.40"}, {".", "+7.4", "7.4"}, {".", "-0.5", "-0.5"}, {".", ".5", "0.5"}, {".", "007", "7"}, {".", "1e3", "1e3"}, {".", "<0.01", "<0.01"},
		{".", "≥ 90", ">=90"}, {".", "＜5", "<5"}, {".", "−2", "-2"}, {",", "7,40", "7.40"}, {",", "7", "7"},
		{",", "1.234", ""}, {",", "1.234,5", ""}, {".", "1,234", ""}, {".", "80 %", ""}, {".", "NaN", ""}, {".", "0x10", ""}, {".", "8O", ""}, {".", "1 2", ""}, {".", "<", ""}, {".", "5.", ""},
	} {
		text := "patient: {constant: x}\ntime: {columns: [t]}\ndelimiter: ;\ndecimal: '" + c.decimal + "'\nwide: [{column: v, code: x, unit: mmol/L}]\n"
		rec, err := tabular.Parse([]byte("t;v\n2026-03-04T00:00:00Z;"+c.in+"\n"), mapping(t, text), tabular.Limits{})
		if c.want == "" {
			require.Error(t, err, c.in)
			continue
		}
		require.NoError(t, err, c.in)
		q := rec.Observations[0].Value.Quantity
		require.Equal(t, c.want, q.Comparator+q.Value.String())
	}
}

func TestUnitsMeanWhatPeopleMean(t *testing.T) {
	for _, c := range []struct{ loinc, unit, code string }{
		{"8310-5", "C", "Cel"}, {"8310-5", "℃", "Cel"}, {"8310-5", "°F", "[degF]"}, {"8867-4", "bpm", "/min"}, {"8867-4", "次/分", "/min"}, {"8480-6", "mmHg", "mm[Hg]"},
		{"2345-7", "mmol/L", "mmol/L"}, {"6690-2", "10*9/L", "10*9/L"}, {"59408-5", "%", "%"},
	} {
		m := mapping(t, base+"long: {code: c, value: v, unit: u}\n")
		rec, err := tabular.Parse([]byte("p,t,c,v,u\nx,2026-03-04T00:00:00Z,"+c.loinc+",38,"+c.unit+"\n"), m, tabular.Limits{})
		require.NoError(t, err, c.unit)
		require.Equal(t, c.code, rec.Observations[0].Value.Quantity.Code, c.unit)
		require.Equal(t, c.unit, rec.Observations[0].Value.Quantity.Unit)
	}
	for _, u := range []string{"K/uL", "M/uL", "S", "F", "sec", "blobs", ""} { // read one way or not at all, never as kelvins
		rec, err := tabular.Parse([]byte("p,t,c,v,u\nx,2026-03-04T00:00:00Z,9999-9,38,"+u+"\n"), mapping(t, base+"long: {code: c, value: v, unit: u}\n"), tabular.Limits{})
		require.NoError(t, err, u)
		require.NotEqual(t, "K/uL", rec.Observations[0].Value.Quantity.Code)
	}
}

func TestTwoPatientsNeverBecomeOne(t *testing.T) {
	m := mapping(t, wide)
	for _, pair := range [][2]string{{"A/1", "A-1"}, {"张三", "李四"}, {strings.Repeat("x", 64) + "1", strings.Repeat("x", 64) + "2"}, {"a b", "a_b"}} {
		ids := map[string]bool{}
		for _, p := range pair {
			rec, err := tabular.Parse([]byte("p,t,HR,BP\n"+p+",2026-03-04T00:00:00Z,80,\n"), m, tabular.Limits{})
			require.NoError(t, err)
			require.LessOrEqual(t, len(rec.Patient.ID), 64)
			ids[rec.Patient.ID] = true
		}
		require.Len(t, ids, 2)
	}
}

// Rows of two files, whose columns stand in another order, make one record.
func TestRowsOfTwoFiles(t *testing.T) {
	m := mapping(t, base+"wide:\n  - {column: HR, code: 8867-4, unit: /min}\n  - {column: RR, code: 9279-1, unit: /min}\n")
	var all []tabular.Row
	for name, table := range map[string]string{"1.csv": "p,t,HR,RR\nx,2026-01-01T00:00:00Z,80,15\n", "2.csv": "RR,HR,t,p\n16,90,2026-01-01T01:00:00Z,x\n"} {
		rows, err := tabular.NewRows(strings.NewReader(table), name, m, tabular.Limits{})
		require.NoError(t, err)
		row, err := rows.Next()
		require.NoError(t, err)
		all = append(all, row)
	}
	slices.SortFunc(all, func(a, b tabular.Row) int { return strings.Compare(a.Name, b.Name) })
	rec, err := tabular.ParseRows(all, m, tabular.Limits{})
	require.NoError(t, err)
	var got []string
	for _, o := range rec.Observations {
		got = append(got, o.ID+" "+o.Code.Code(record.SystemLOINC)+" "+o.Value.Quantity.Value.String())
	}
	require.Equal(t, []string{"row-2.1 8867-4 80", "row-2.2 9279-1 15", "row-2.1-2 8867-4 90", "row-2.2-2 9279-1 16"}, got)
	_, err = tabular.ParseRows(all, m, tabular.Limits{Bytes: 30})
	var limit *record.LimitError
	require.ErrorAs(t, err, &limit)
	require.Equal(t, "2.csv: row 2", limit.Path)
	rec.Observations[0].Code.Codings[0].Display = "changed"
	require.NotEqual(t, "changed", rec.Observations[2].Code.Codings[0].Display, "nothing of the mapping's is shared")
}

// What is written into a table by any rules of it is what is read.
func TestAnyTableReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		decimal := rapid.SampledFrom([]string{".", ","}).Draw(t, "decimal")
		delimiter := rapid.SampledFrom([]string{";", "\t", "|"}).Draw(t, "delimiter")
		text := fmt.Sprintf("patient: {id: p}\ntime: {columns: [t], layouts: [YYYY-MM-DD hh:mm:ss], zone: '+08:00'}\ndelimiter: %q\ndecimal: %q\ndevice: d\n", delimiter, decimal) +
			"long: {code: c, name: n, value: v, unit: u}\n"
		m, err := tabular.ParseMapping([]byte(text))
		require.NoError(t, err)
		columns := rapid.Permutation([]string{"p", "t", "d", "c", "n", "v", "u", "other"}).Draw(t, "columns")
		var b strings.Builder
		w := csv.NewWriter(&b)
		w.Comma = rune(delimiter[0])
		require.NoError(t, w.Write(columns))
		var want []string
		for range rapid.IntRange(1, 8).Draw(t, "rows") {
			at := time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "at"), 0).In(time.FixedZone("", 8*3600))
			value := strconv.FormatFloat(rapid.Float64Range(-1e6, 1e6).Draw(t, "value"), 'f', rapid.IntRange(0, 6).Draw(t, "digits"), 64)
			cells := map[string]string{
				"p": "x", "t": at.Format("2006-01-02 15:04:05"), "d": rapid.SampledFrom([]string{"", "m-1", "m-2"}).Draw(t, "device"), "c": "x-1",
				"n": strings.TrimSpace(rapid.StringOfN(rapid.RuneFrom([]rune("ab \"\n;|\t中文'")), 0, 12, -1).Draw(t, "name")), "u": "mmol/L",
				"v": strings.Replace(value, ".", decimal, 1), "other": rapid.StringOfN(rapid.RuneFrom([]rune("ab\"\n;|\t")), 0, 8, -1).Draw(t, "other"),
			}
			row := make([]string, len(columns))
			for k, c := range columns {
				row[k] = cells[c]
			}
			require.NoError(t, w.Write(row))
			want = append(want, strings.Join([]string{at.Format(time.RFC3339), cells["d"], cells["n"], value}, "§"))
		}
		w.Flush()
		rec, err := tabular.Parse([]byte(b.String()), m, tabular.Limits{})
		require.NoError(t, err)
		var got []string
		for _, o := range rec.Observations {
			got = append(got, strings.Join([]string{o.Start.String(), o.DeviceID, o.Code.Text, o.Value.Quantity.Value.String()}, "§"))
		}
		require.Equal(t, want, got)
	})
}

const someone = "Zora Vogel"

// damaged changes a text in one to four places: bits flipped, parts deleted, doubled, cut off,
// put in, and moved.
func damaged(r *rand.Rand, text []byte) []byte {
	out := slices.Clone(text)
	for range 1 + r.IntN(4) {
		if len(out) == 0 {
			return out
		}
		at := r.IntN(len(out))
		end := min(at+1+r.IntN(40), len(out))
		switch r.IntN(6) {
		case 0:
			out[at] ^= 1 << r.IntN(8)
		case 1:
			out = slices.Delete(out, at, end)
		case 2:
			out = slices.Insert(out, at, slices.Clone(out[at:end])...)
		case 3:
			if r.IntN(4) == 0 {
				out = out[:at]
			}
		case 4:
			token := []string{",", ";", `"`, `""`, "\n", "\r", "\x00", "\xff", "\ufeff", "1e999", "<", "2026-13-01", "{", "- ", ": ", "&a", "*a", "!!int "}[r.IntN(18)]
			out = slices.Insert(out, at, []byte(token)...)
		case 5:
			from := r.IntN(len(out))
			out = slices.Insert(out, at, slices.Clone(out[from:min(len(out), from+1+r.IntN(80))])...)
		}
	}
	return out
}

// each gives read 10,000 damaged texts, holds its errors to be the reader's own, placed, and
// without the input's text, and what it allocates to be within bounds.
func each(t *testing.T, seed uint64, text []byte, read func([]byte) error) {
	t.Helper()
	const mutants, batch = 10_000, 100
	r := rand.New(rand.NewPCG(seed, seed))
	refused := 0
	for range mutants / batch {
		inputs := make([][]byte, batch)
		size := uint64(0)
		for i := range inputs {
			inputs[i] = damaged(r, text)
			size += uint64(len(inputs[i]))
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for _, in := range inputs {
			if err := read(in); err != nil {
				refused++
				placed(t, err)
			}
		}
		runtime.ReadMemStats(&after)
		if used := after.TotalAlloc - before.TotalAlloc; used > batch<<20+100*size {
			t.Fatalf("%d bytes were allocated to read %d", used, size)
		}
	}
	require.Greater(t, refused, mutants/10)
	require.Less(t, refused, mutants)
}

func placed(t testing.TB, err error) {
	t.Helper()
	switch e := err.(type) { //nolint:errorlint // the readers return these two themselves
	case *record.InvalidError:
		require.NotEmpty(t, e.Violations)
		for _, v := range e.Violations {
			require.Regexp(t, `^(row \d+|mapping|table)`, v.Path)
			require.NotEmpty(t, v.Message)
		}
	case *record.LimitError:
		require.NotEmpty(t, e.Path)
	default:
		t.Fatalf("an error of another kind: %T", err)
	}
	require.NotContains(t, err.Error(), someone)
}

// written checks that what was read can be written as FHIR, and read from there.
func written(t testing.TB, rec *record.PatientRecord) {
	t.Helper()
	text, err := fhir.AppendBundle(nil, rec)
	require.NoError(t, err)
	_, err = fhir.Parse(text, fhir.Limits{})
	require.NoError(t, err)
}

func TestDamagedTables(t *testing.T) {
	for i, name := range []string{"vitals", "labs"} {
		m := mapping(t, string(sample(t, name+".mapping.yaml")))
		table := []byte(strings.ReplaceAll(string(sample(t, name+".csv")), "sinus", someone))
		lines := bytes.SplitAfterN(table, []byte("\n"), 4)
		good := 0
		each(t, uint64(i), bytes.Join(lines[:3], nil), func(in []byte) error {
			rec, err := tabular.Parse(in, m, tabular.Limits{})
			if err == nil {
				if good++; good%8 == 0 { // all of them would take too long
					written(t, rec)
				}
			}
			return err
		})
	}
}

func TestDamagedMappings(t *testing.T) {
	each(t, 7, sample(t, "vitals.mapping.yaml"), func(in []byte) error {
		_, err := tabular.ParseMapping(in)
		return err
	})
}

func FuzzParse(f *testing.F) {
	for _, name := range []string{"vitals", "labs"} {
		f.Add(sample(f, name+".csv"), sample(f, name+".mapping.yaml"))
	}
	f.Add([]byte("p,t,HR,BP\nx,2026-03-04 08:05,80,120/80\n"), []byte(wide))
	f.Fuzz(func(t *testing.T, table, how []byte) {
		m, err := tabular.ParseMapping(how)
		if err != nil {
			placed(t, err)
			return
		}
		rec, err := tabular.Parse(table, m, tabular.Limits{Bytes: 1 << 16})
		if err != nil {
			placed(t, err)
			return
		}
		ids := map[string]bool{}
		for _, o := range rec.Observations {
			require.False(t, ids[o.ID], "an id that is taken")
			ids[o.ID] = true
		}
		written(t, rec)
	})
}

func BenchmarkParse(b *testing.B) {
	var t strings.Builder
	t.WriteString("p,t,HR,BP\n")
	for i := range 10_000 {
		fmt.Fprintf(&t, "x,%s,%d,%d/70\n", time.Unix(1.7e9+int64(i)*60, 0).UTC().Format(time.RFC3339), 60+i%60, 100+i%50)
	}
	m := mapping(b, wide)
	b.SetBytes(int64(t.Len()))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := tabular.Parse([]byte(t.String()), m, tabular.Limits{}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(20_000*b.N)/b.Elapsed().Seconds(), "observations/s")
}
