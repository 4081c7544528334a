package render_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/render"
	"github.com/bedside-lm/bedside/clinical/terms"
)

func marked(o record.Observation, ms ...record.Mark) record.Observation {
	o.Marks = ms
	return o
}

const (
	at8  = "2026-03-02T08:00:00+08:00"
	at9  = "2026-03-02T09:00:00+08:00"
	at10 = "2026-03-02T10:00:00+08:00"
	at11 = "2026-03-02T11:00:00+08:00"
)

// TestMarks renders readings as preparation leaves them.
func TestMarks(t *testing.T) {
	hr := func(id, value, at string, ms ...record.Mark) record.Observation {
		return marked(vital(id, "8867-4", value, "/min", at), ms...)
	}
	for _, c := range []struct {
		name, en, zh, short string
		obs                 []record.Observation
	}{
		{
			"an artefact is no extreme and turns no trend",
			"Heart rate: 80/min at 2026-03-02 08:00, 95/min at 11:00; 2 readings in 3 h, rising; likely artefact: 190/min at 09:00.",
			"心率：2026-03-02 08:00 为80次/分，11:00 为95次/分；3小时内2次读数，上升；疑似伪差：09:00 为190次/分。",
			"HR: 80 @03-02 08:00 → 95/min @11:00; n=2/3 h, rising; artefact?: 190/min @09:00",
			[]record.Observation{hr("a", "80", at8), hr("b", "190", at9, record.MarkArtefact), hr("c", "95", at11)},
		},
		{
			"estimated alone",
			"Heart rate: estimated, not measured: 90/min at 2026-03-02 09:00.",
			"心率：估算值，未实测：2026-03-02 09:00 为90次/分。",
			"HR: estimated: 90/min @03-02 09:00",
			[]record.Observation{hr("a", "90", at9, record.MarkImputed)},
		},
		{
			"more than are shown",
			"Heart rate: 80/min at 2026-03-02 08:00; estimated, not measured (4): 82/min at 09:00, 83/min at 10:00, 84/min at 11:00.",
			"心率：2026-03-02 08:00 为80次/分；估算值，未实测（4）：09:00 为82次/分、10:00 为83次/分、11:00 为84次/分。",
			"HR: 80/min @03-02 08:00; estimated(4): 82/min @09:00, 83/min @10:00, 84/min @11:00",
			[]record.Observation{
				hr("a", "80", at8), hr("b", "81", at8, record.MarkImputed), hr("c", "82", at9, record.MarkImputed),
				hr("d", "83", at10, record.MarkImputed), hr("e", "84", at11, record.MarkImputed),
			},
		},
		{
			"corrections are told once",
			"Heart rate: 80/min at 2026-03-02 08:00, 95/min at 11:00; 2 readings in 3 h, rising; time corrected (2).",
			"心率：2026-03-02 08:00 为80次/分，11:00 为95次/分；3小时内2次读数，上升；时间已校正（2）。",
			"HR: 80 @03-02 08:00 → 95/min @11:00; n=2/3 h, rising; time corrected(2)",
			[]record.Observation{hr("a", "80", at8, record.MarkTimeCorrected), hr("b", "95", at11, record.MarkTimeCorrected)},
		},
		{
			"merged and converted readings are as good as any",
			"Heart rate: 80/min at 2026-03-02 08:00.", "心率：2026-03-02 08:00 为80次/分。", "HR: 80/min @03-02 08:00",
			[]record.Observation{hr("a", "80", at8, record.MarkMerged, record.MarkConverted)},
		},
		{
			"the latest is in doubt",
			"To be checked: heart rate, implausible: 300/min at 2026-03-02 09:00.",
			"待核对：心率，超出合理范围：2026-03-02 09:00 为300次/分。",
			"Check: HR, implausible: 300/min @03-02 09:00",
			[]record.Observation{hr("a", "80", at8), hr("b", "300", at9, record.MarkImplausible)},
		},
	} {
		rec := &record.PatientRecord{Patient: record.Patient{Sex: "female", BirthDate: moment("1960-03-10")}, Observations: c.obs}
		for want, opt := range map[string]render.Options{
			"- " + c.en + "\n": {}, "- " + c.zh + "\n": {Lang: render.Chinese}, "\n" + c.short + "\n": {Style: render.StyleCompact},
		} {
			require.Contains(t, render.Render(rec, opt).Text(), want, c.name)
		}
	}
}

// TestDoubtIsKept: what is in doubt stands in no trend, no extreme and no flag, and says so
// where it stands.
func TestDoubtIsKept(t *testing.T) {
	rec := &record.PatientRecord{
		Patient:      record.Patient{Sex: "male", BirthDate: moment("1960-03-10")},
		Observations: []record.Observation{vital("a", "8867-4", "80", "/min", at8), marked(vital("b", "8867-4", "300", "/min", at9), record.MarkImplausible)},
	}
	doc := render.Render(rec, render.Options{})
	for _, s := range doc.Sections {
		for _, f := range s.Facts {
			for _, n := range f.Numbers {
				if n.Value.Text == "300" && (n.Role != render.RoleMarked || n.Flag != "" || !slices.Contains(f.Marks, record.MarkImplausible)) {
					t.Errorf("%s: %+v", f.ID, n)
				}
			}
			if s.Kind == render.SectionOpen && strings.HasPrefix(f.Text, "To be checked") && !f.Critical {
				t.Error("an implausible latest reading is not critical: it may be true")
			}
		}
	}
	require.Equal(t, render.FlagNormal, doc.Sections[2].Facts[0].Flag)
}

// TestRelativeTimes writes times around one admission.
func TestRelativeTimes(t *testing.T) {
	for _, c := range []struct{ name, admitted, at, en, zh, short string }{
		{"at admission", at8, at8, "at admission", "：入院时 为80", "@+0h"},
		{"minutes", at8, "2026-03-02T08:45:00+08:00", "at +45 min", "：入院后45分钟 为80", "@+45min"},
		{"hours", at8, "2026-03-02T14:00:00+08:00", "at +6 h", "：入院后6小时 为80", "@+6h"},
		{"another zone", at8, "2026-03-02T06:00:00Z", "at +6 h", "：入院后6小时 为80", "@+6h"},
		{"days", at8, "2026-03-04T09:30:00+08:00", "at +2 d 1 h 30 min", "：入院后2天1小时30分钟 为80", "@+2d1h30min"},
		{"before", at8, "2026-03-01T18:20:00+08:00", "at -13 h 40 min", "：入院前13小时40分钟 为80", "@-13h40min"},
		{"by the day", "2026-03-02", at9, "at 09:00 of day 1", "：第1天 09:00 为80", "@day 1 09:00"},
		{"by the day, later", "2026-03-02", "2026-03-04T09:30:00+08:00", "at 09:30 of day 3", "：第3天 09:30 为80", "@day 3 09:30"},
		{"by the day, before", "2026-03-02", "2026-02-28T09:30:00+08:00", "at 09:30 of day -2", "：入院前第2天 09:30 为80", "@day -2 09:30"},
		{"a day", at8, "2026-03-04", "on day 3", "：第3天 为80", "@day 3"},
		{"a month", at8, "2026-02", "in 2026-02", "：2026-02 为80", "@2026-02"},
	} {
		rec := &record.PatientRecord{
			Encounters:   []record.Encounter{{ID: "old", Class: "AMB", Start: moment("2026-03-09")}, {ID: "e", Class: "IMP", Start: moment(c.admitted)}},
			Observations: []record.Observation{vital("a", "8867-4", "80", "/min", c.at)},
		}
		for want, opt := range map[string]render.Options{
			"Heart rate: 80/min " + c.en + ".\n": {}, c.zh + "次/分。\n": {Lang: render.Chinese}, "HR: 80/min " + c.short + "\n": {Style: render.StyleCompact},
		} {
			opt.RelativeTimes = true
			require.Contains(t, render.Render(rec, opt).Text(), want, c.name)
		}
	}
}

func TestNoAdmissionIsNoticed(t *testing.T) {
	rec := &record.PatientRecord{Observations: []record.Observation{vital("a", "8867-4", "80", "/min", at8)}}
	doc := render.Render(rec, render.Options{RelativeTimes: true})
	require.True(t, noticed(doc, render.NoticeNoAdmission))
	require.Contains(t, doc.Text(), "at 2026-03-02 08:00")
}

// TestDerived computes from one series and looks for what it must give.
func TestDerived(t *testing.T) {
	rec := &record.PatientRecord{Patient: record.Patient{Sex: "male", BirthDate: moment("1960-03-10")}}
	for i, v := range []string{"90", "96", "104", "110", "118", "124", "128"} {
		at := strings.Replace(at8, "T08", "T"+[]string{"08", "09", "10", "11", "12", "13", "14"}[i], 1)
		rec.Observations = append(rec.Observations, vital("h"+v, "8867-4", v, "/min", at), vital("r"+v, "9279-1", "22", "/min", at),
			vital("s"+v, "2708-6", "94", "%", at), vital("t"+v, "8310-5", "38.5", "Cel", at), vital("b"+v, "8480-6", "95", "mm[Hg]", at),
			vital("g"+v, "9269-2", "14", "{score}", at), vital("o"+v, "3151-8", "4", "L/min", at))
	}
	for _, c := range []struct {
		want string
		opt  render.Options
	}{
		{"- Heart rate rising by 6.67/min per hour; middle half of the readings 100 to 121/min.\n", render.Options{}},
		{"- 心率每小时上升6.67次/分；中间半数读数100至121次/分。\n", render.Options{Lang: render.Chinese}},
		// Five of seven readings, each for the hour around it, the last for half of one.
		{"- Heart rate against reference 60 to 100/min; 7 readings, 5 readings above, 75% of the time, longest 4.5 h.\n", render.Options{}},
		{"- 心率（参考范围60至100次/分）：7次读数，5次读数高于上限，占时75%，最长4.5小时。\n", render.Options{Lang: render.Chinese}},
		{"- Heart rate against alarm limits 95 to 125/min; 7 readings, 1 reading above, 8% of the time, longest 30 min, 1 reading below, 8% of the time, longest 30 min.\n", render.Options{Alarms: map[string]terms.Bounds{terms.Measure("8867-4").Key: {Low: new(95.0), High: new(125.0)}}}},
		{"- Computed NEWS2 score: 13 at 2026-03-02 14:00, high risk; respiratory rate 2 (22/min), oxygen saturation 1 (94%), supplemental oxygen 2 (in use), systolic blood pressure 2 (95 mmHg), heart rate 2 (128/min), level of consciousness 3 (altered), body temperature 1 (38.5 °C).\n", render.Options{}},
		{"- 计算所得NEWS2评分：2026-03-02 14:00 为13分，高风险；呼吸频率2分（22次/分），血氧饱和度1分（94%），辅助供氧2分（使用中），收缩压2分（95 mmHg），心率2分（128次/分），意识水平3分（非清醒），体温1分（38.5℃）。\n", render.Options{Lang: render.Chinese}},
		{"- Computed NEWS2 score: 11 at 2026-03-02 08:00, 13 at 14:00; lowest 11, highest 13, 7 readings in 6 h, rising.\n", render.Options{}},
		{"- Computed qSOFA score: 3 at 2026-03-02 14:00, reaches the threshold 2; respiratory rate 1 (22/min), systolic blood pressure 1 (95 mmHg), level of consciousness 1 (altered).\n", render.Options{}},
		{"\ncomputed NEWS2: 13 @03-02 14:00, high risk; RR 2(22/min)", render.Options{Style: render.StyleCompact}},
	} {
		c.opt.Derived = true
		require.Contains(t, render.Render(rec, c.opt).Text(), c.want)
		c.opt.Derived = false
		require.NotContains(t, render.Render(rec, c.opt).Text(), c.want)
	}
}
