package prompt_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/bedside-lm/bedside/clinical/prepare/features"
	"github.com/bedside-lm/bedside/clinical/prompt"
	"github.com/bedside-lm/bedside/clinical/terms"
)

const (
	heartRate = "8867-4"
	systolic  = "8480-6"
	oxygen    = "2708-6"
	lactate   = "2524-7"
	potassium = "2823-3"
)

// row has nothing but what is set: latest, least and greatest value by LOINC code.
func row(age, female float64, w features.Window, values map[string][3]float64) []float64 {
	out := make([]float64, len(features.Schema()))
	for i := range out {
		out[i] = math.NaN()
	}
	out[0], out[1] = age, female
	for code, v := range values {
		at, ok := features.Place(code, w, features.Last)
		if !ok {
			panic(code)
		}
		copy(out[at:], v[:])
	}
	return out
}

func TestASheetInBothLanguages(t *testing.T) {
	values := row(67, 1, features.FirstDay, map[string][3]float64{
		heartRate: {118, 96, 132}, systolic: {88, 88, 88}, oxygen: {91, 90, 91}, lactate: {5.42, 5.42, 5.42}, potassium: {4.1, 4.1, 4.1},
	})
	sheet := prompt.Read(values, features.FirstDay, nil)
	require.Equal(t, "F67 24h HR118↑↑(96-132) SBP88↓ SpO2:91↓(90) lactate5.42↑↑↑ K4.1", prompt.Write(sheet, prompt.Style{Lang: terms.English}))
	require.Equal(t, "女67 24h HR118↑↑(96-132) SBP88↓ SpO2:91↓(90) 乳酸5.42↑↑↑ 钾4.1", prompt.Write(sheet, prompt.Style{Lang: terms.Chinese}))
	require.Equal(t, "F67 24h heart rate:118/min, systolic blood pressure:88mmHg, oxygen saturation:91%, lactate:5.42mmol/L, potassium:4.1mmol/L",
		prompt.Write(sheet, prompt.Style{Lang: terms.English, Long: true, Units: true, NoMarks: true, NoExtremes: true, Separator: ", "}))
}

func TestStepsGrowWithTheValue(t *testing.T) {
	for _, code := range []string{heartRate, systolic, oxygen, lactate, potassium} {
		e, before := terms.Measure(code), 1
		for v := 0.0; v < 300; v += 0.1 {
			step := prompt.Step(e, v)
			require.True(t, step >= before && step <= prompt.Steps, "%s %g: step %d after %d", code, v, step, before)
			before = step
		}
		require.Equal(t, prompt.Steps, before, code)
	}
	require.Zero(t, prompt.Step(terms.Measure("60956-0"), 10), "no training patient had it")
}

func TestASheetInSteps(t *testing.T) {
	values := row(67, 1, features.FirstDay, map[string][3]float64{
		heartRate: {200, 96, 200}, oxygen: {50, 50, 99.9}, lactate: {0, 0, 0},
	})
	for code, n := range map[string]float64{heartRate: 3, oxygen: 2, lactate: 1} {
		at, _ := features.Place(code, features.FirstDay, features.Count)
		values[at] = n
	}
	sheet := prompt.Read(values, features.FirstDay, nil)
	require.Equal(t, "F67 24h HR⑳⑭⑳ SpO2①⑲ lactate①", prompt.Write(sheet, prompt.Style{Lang: terms.English, Steps: true}))
	require.Equal(t, "女67 24h HR⑳ SpO2① 乳酸①", prompt.Write(sheet, prompt.Style{Lang: terms.Chinese, Steps: true, NoExtremes: true}))
}

func TestWhatIsNotKnownIsNotTold(t *testing.T) {
	require.Equal(t, "U 1h", prompt.Write(prompt.Read(row(math.NaN(), math.NaN(), features.FirstHour, nil), features.FirstHour, nil), prompt.Style{Lang: terms.English}))
	values := row(40, 0, features.FirstDay, map[string][3]float64{heartRate: {80, 80, 80}, lactate: {1, 1, 1}})
	require.Equal(t, "M40 1h", prompt.Write(prompt.Read(values, features.FirstHour, nil), prompt.Style{Lang: terms.English}), "the day's readings are not the first hour's")
	require.Equal(t, "M40 24h lactate1", prompt.Write(prompt.Read(values, features.FirstDay, []string{lactate}), prompt.Style{Lang: terms.English}))
}

func TestNumbersHaveTheDigitsThatTell(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 0.004: "0", 0.126: "0.13", 1.2: "1.2", 7.305: "7.3", 9.994: "9.99", 9.996: "10", 37.25: "37.2", 99.94: "99.9", 99.96: "100", 12345.6: "12346", -2.5: "-2.5"} {
		require.Equal(t, want, prompt.Number(v))
	}
}

func TestGradesGrowWithTheDistance(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := rapid.SampledFrom(terms.Entries()).Filter(func(e *terms.Entry) bool { return e.Kind == "measure" && e.Male != nil }).Draw(t, "measure")
		a := rapid.Float64Range(-50, 1000).Draw(t, "a")
		b := a + rapid.Float64Range(0, 1000).Draw(t, "more")
		require.LessOrEqual(t, prompt.Grade(e, a, false), prompt.Grade(e, b, false))
		grade := prompt.Grade(e, a, false)
		require.True(t, grade >= -3 && grade <= 3)
		inside := (e.Male.Low == nil || a >= *e.Male.Low) && (e.Male.High == nil || a <= *e.Male.High)
		require.Equal(t, inside, grade == 0)
	})
}

func TestByGradePutsTheFurthestFirst(t *testing.T) {
	values := row(67, 1, features.FirstHour, map[string][3]float64{
		heartRate: {101, 101, 101}, systolic: {88, 88, 88}, potassium: {4.1, 4.1, 4.1}, lactate: {5.4, 5.4, 5.4},
	})
	sheet := prompt.Read(values, features.FirstHour, nil)
	sheet.Items = prompt.ByGrade(sheet.Items)
	require.Equal(t, "F67 1h lactate5.4↑↑↑ HR101↑ SBP88↓ K4.1", prompt.Write(sheet, prompt.Style{Lang: terms.English}))
}

func TestTell(t *testing.T) {
	lactate, rr := terms.Measure("2524-7"), terms.Measure("9279-1")
	for _, c := range []struct {
		item   prompt.Item
		en, zh string
	}{
		{prompt.Item{Entry: lactate, Last: 4.1, Min: 4.1, Max: 4.1, Grade: 3}, "lactate 4.1 mmol/L, far too high", "乳酸 4.1 mmol/L，显著偏高"},
		{prompt.Item{Entry: lactate, Last: 0.004, Min: 0.004, Max: 0.004}, "lactate 0.004 mmol/L", "乳酸 0.004 mmol/L"},
		{prompt.Item{Entry: lactate, Last: 1.8, Min: 1.8, Max: 4.8}, "lactate 1.8 mmol/L (highest 4.8)", "乳酸 1.8 mmol/L（最高4.8）"},
		{prompt.Item{Entry: rr, Last: 24, Min: 20, Max: 30, Grade: 2}, "respiratory rate 24/min, too high (lowest 20, highest 30)", "呼吸频率 24次/分，偏高（最低20，最高30）"},
	} {
		require.Equal(t, c.en, prompt.Tell(c.item, terms.English))
		require.Equal(t, c.zh, prompt.Tell(c.item, terms.Chinese))
	}
}
