package summary

import (
	"fmt"
	"testing"
	"time"

	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/render"
)

// claimsRecord is a stay from 2026-03-02 06:00 to the next morning, with courses of every kind and sides of the body.
func claimsRecord(lang render.Lang) *record.PatientRecord {
	rec := smallRecord()
	side := map[render.Lang][2]string{
		render.English: {"Fracture of left femur", "Right knee arthroscopy"}, render.Chinese: {"左股骨骨折", "右膝关节镜检查"},
	}[lang]
	rec.Conditions = append(rec.Conditions, record.Condition{ID: "femur", Code: record.Concept{Text: side[0]}, Clinical: "active", Verification: "confirmed"})
	rec.Procedures = append(rec.Procedures, record.Procedure{ID: "knee", Code: record.Concept{Text: side[1]}, Status: "completed", Start: at(12)})
	for _, s := range []struct {
		loinc, unit string
		values      []string
		hours       []int
	}{
		{"2708-6", "%", []string{"97", "98", "96"}, []int{8, 14, 20}},                // normal all the time
		{"2160-0", "mg/dL", []string{"1.90", "1.60", "1.45"}, []int{8, 14, 20}},      // high, falling
		{"2951-2", "mmol/L", []string{"138", "131"}, []int{8, 20}},                   // normal, then low
		{"1988-5", "mg/L", []string{"236", "264"}, []int{8, 32}},                     // high, rising
		{"2339-0", "mg/dL", []string{"60", "150", "210", "95"}, []int{8, 9, 10, 11}}, // up and down
	} {
		for i, v := range s.values {
			rec.Observations = append(rec.Observations, record.Observation{
				ID: fmt.Sprintf("%s-%d", s.loinc, i), Status: "final", Category: "laboratory", Code: code(record.SystemLOINC, s.loinc, ""),
				Start: at(s.hours[i]), Value: record.Value{Quantity: quantity(v, s.unit)},
			})
		}
	}
	return rec
}

var claimsEnglish = []sentenceCase{
	// Trends, against the course of the readings.
	{"Creatinine is improving.", ""},
	{"The creatinine improved from 1.90 mg/dL to 1.45 mg/dL.", ""},
	{"The heart rate returned to normal at 98/min.", ""},
	{"The heart rate has improved.", ""},
	{"C-reactive protein is worsening.", ""},
	{"Sodium worsened to 131 mmol/L.", ""},
	{"Glucose rose from 60 mg/dL to 210 mg/dL.", ""},
	{"Glucose fell from 210 mg/dL to 95 mg/dL.", ""},
	{"Glucose rose from 60 mg/dL to 95 mg/dL.", ""}, // the first and the last
	{"The heart rate fell since 11:00.", ""},
	{"Heart rate and creatinine are falling.", ""},
	{"Creatinine is worsening.", FailTrend},
	{"C-reactive protein is improving.", FailTrend},
	{"Sodium is improving.", FailTrend},
	{"Oxygen saturation is improving.", FailTrend},
	{"Potassium is improving.", FailTrend},
	{"The patient is improving.", FailTrend},
	{"Creatinine returned to normal.", FailTrend},
	{"Glucose is rising.", FailTrend},
	{"Glucose fell from 150 mg/dL to 60 mg/dL.", FailTrend},
	{"Glucose fell from 210 mg/dL to 60 mg/dL.", FailTrend},
	{"The heart rate rose from 98/min to 131/min.", FailTrend},
	{"Heart rate and sodium are improving.", FailTrend},
	{"Sodium and heart rate are improving.", FailTrend},
	{"Potassium, sodium and creatinine are falling.", FailTrend},
	{"Heart rate is falling and the C-reactive protein is falling.", FailTrend},
	{"The heart rate is not falling.", FailNegation},
	{"Lactate and potassium are high.", FailFlag},
	{"The heart rate rose since 11:00.", FailTrend},
	{"Heart rate doubled.", FailWords},

	{"The heart rate fell to 98/min.", ""},
	{"Glucose rose to 210 mg/dL.", ""},
	{"The heart rate increased from 128/min to 131/min and is now 98/min.", ""},
	{"The heart rate fell to 131/min.", FailTrend},
	{"The heart rate rose to 98/min.", FailTrend},
	{"Lactate fell to 4.2 mmol/L.", FailTrend},
	{"Creatinine fell by 1.45 mg/dL.", FailNumber},
	{"The heart rate remained normal.", FailFlag},
	{"Sodium remained low.", FailFlag},

	// Words that belong to another thing than the nearest.
	{"Creatinine was 1.90 mg/dL with low sodium.", ""},
	{"The heart rate was 128/min with a falling creatinine.", ""},
	{"All oxygen saturation values were normal.", ""},
	{"Creatinine was 1.90 mg/dL with high sodium.", FailFlag},
	{"Sodium was 131 mmol/L with low creatinine.", FailFlag},
	{"The heart rate was falling with rising creatinine.", FailTrend},
	{"All heart rate readings were normal.", FailFlag},
	{"All creatinine values were high.", ""},
	{"All sodium values were low.", FailFlag},
	{"131/min was the lowest heart rate.", FailNumber},
	{"The heart rate of 131/min was lowest.", FailNumber},
	{"The heart rate was 128/min for 12 hours.", FailNumber},
	{"The heart rate was 128/min after 12 hours.", FailNumber},

	// How far something has come.
	{"Vancomycin 1500 mg was ordered and ceftriaxone 2 g was given.", ""},
	{"Ceftriaxone 2 g was given, vancomycin 1500 mg ordered.", ""},
	{"Ceftriaxone 2 g was ordered and vancomycin 1500 mg was given.", FailState},
	{"Ceftriaxone 2 g was ordered, vancomycin 1500 mg given.", FailState},
	{"Ceftriaxone and vancomycin were given.", FailState},
	{"The sepsis has resolved.", FailState},
	{"Sepsis is only suspected.", FailState},
	{"Sepsis is a past diagnosis.", FailState},
	{"The blood culture is final.", FailState},
	{"The blood culture report is complete.", FailState},

	// First and last.
	{"The latest heart rate was 98/min.", ""},
	{"The heart rate was initially 128/min and is now 98/min.", ""},
	{"The first heart rate was 128/min.", ""},
	{"The latest heart rate was 128/min.", FailNumber},
	{"The heart rate is currently 131/min.", FailNumber},
	{"The heart rate is now 128/min and was initially 98/min.", FailNumber},
	{"The most recent creatinine was 1.90 mg/dL.", FailNumber},

	// Negation.
	{"The oxygen saturation was 97% with no hypoxemia.", ""},
	{"There was no hypoxia.", ""},
	{"No bradycardia was noted.", ""},
	{"The patient had tachycardia.", ""},
	{"There was fever at 08:00.", ""},
	{"The patient received antibiotics.", ""},
	{"A cephalosporin was given.", ""},
	{"Pulmonary embolism was ruled out.", ""},
	{"There is no fever.", FailNegation},
	{"The patient is afebrile.", FailNegation},
	{"No tachycardia was seen.", FailNegation},
	{"The patient is tachycardic.", FailNegation}, // the latest value is normal
	{"There was no tachycardia at 08:00.", FailNegation},
	{"There was fever at 20:00.", FailNegation}, // nobody measured it
	{"There is hypoxemia.", FailNegation},
	{"There is no hyperkalemia at 20:00.", FailNegation},
	{"The patient is not on antibiotics.", FailNegation},
	{"The patient received no antibiotics.", FailNegation},
	{"No vasopressors were given.", FailNegation},
	{"Vasopressors were given.", FailNegation},
	{"The patient received anticoagulants.", FailNegation},
	{"Glycopeptides were given.", FailNegation}, // vancomycin was ordered, no more
	{"Pulmonary embolism was not ruled out.", FailNegation},
	{"Pulmonary embolism cannot be excluded.", FailNegation},
	{"Sepsis was ruled out.", FailNegation},
	{"Ceftriaxone was not given.", FailNegation},
	{"The patient denies an allergy to penicillin.", FailNegation},
	{"There is no history of stroke.", FailNegation},
	{"Pneumonia without sepsis was found.", FailNegation},

	// Sides.
	{"The patient has a fracture of left femur.", ""},
	{"The diagnosis is fracture of left femur, active.", ""},
	{"The right knee arthroscopy was completed at 12:00.", ""},
	{"The patient has a fracture of right femur.", FailSide},
	{"The left knee arthroscopy was completed at 12:00.", FailSide},
	{"Right knee arthroscopy was completed at 12:00 for the fracture of left femur on the right.", FailSide},
	{"The right femur has a fracture of left femur and right knee arthroscopy was completed.", FailSide},
	{"Fracture of left femur, bilateral.", FailSide},
	{"The patient has left pneumonia.", FailSide},
	{"Right heart rate was 128/min.", FailSide},

	// Time.
	{"On admission the heart rate was 128/min.", ""},
	{"The heart rate on admission was 128/min.", ""},
	{"The heart rate was 128/min on admission.", ""},
	{"The C-reactive protein was 236 mg/L yesterday.", ""},
	{"C-reactive protein was 236 mg/L 24 hours ago and 264 mg/L today.", ""},
	{"Yesterday the lactate was 4.2 mmol/L.", ""},
	{"The C-reactive protein rose in the last 24 hours.", ""},
	{"Ceftriaxone 2 g was given yesterday.", ""},
	{"Ceftriaxone 2 g was given 3 hours after admission.", ""},
	{"The heart rate was 98/min on hospital day 1.", ""},
	{"The heart rate at 08:00 was 128/min.", ""},
	{"The heart rate was 131/min in the first 6 hours of admission.", ""},
	{"The patient has sepsis since yesterday.", ""},
	{"The patient has sepsis since admission.", ""},
	{"The heart rate fell since admission.", FailTrend}, // it rose at first
	{"Creatinine fell since admission.", ""},
	{"On admission the heart rate was 98/min.", FailNumber},
	{"On admission the heart rate was 131/min.", FailNumber}, // near it, but not the first
	{"The heart rate on admission was 98/min.", FailNumber},
	{"The heart rate was 98/min at discharge.", FailNumber}, // there is none
	{"The heart rate was 128/min before admission.", FailNumber},
	{"The heart rate at 08:00 was 98/min.", FailNumber},
	{"The heart rate was 98/min before 08:00.", FailDate},
	{"The heart rate was 128/min after 20:00.", FailDate},
	{"The C-reactive protein was 264 mg/L yesterday.", FailNumber},
	{"The C-reactive protein was 236 mg/L 12 hours ago.", FailNumber},
	{"C-reactive protein was 236 mg/L today.", FailNumber},
	{"Ceftriaxone 2 g was given today.", FailNumber},
	{"Ceftriaxone 2 g was given 3 days ago.", FailNumber},
	{"Ceftriaxone 2 g was given 12 hours after admission.", FailNumber},
	{"The heart rate was 98/min on hospital day 2.", FailNumber},
	{"The lactate was 4.2 mmol/L the day before yesterday.", FailNumber},
	{"The heart rate rose in the last 24 hours.", FailTrend},
	{"The heart rate was 128/min last week.", FailWords},
	{"The patient has sepsis since today.", FailDate},
	{"The heart rate was 98/min at 20:00 on 1 March 2026.", FailDate},
}

var claimsChinese = []sentenceCase{
	{"肌酐好转。", ""},
	{"肌酐从1.90 mg/dL降至1.45 mg/dL，好转。", ""},
	{"心率恢复正常，为98次/分。", ""},
	{"C反应蛋白恶化。", ""},
	{"葡萄糖从60 mg/dL升至210 mg/dL。", ""},
	{"心率和肌酐均下降。", ""},
	{"心率降至98次/分。", ""},
	{"心率降至131次/分。", FailTrend},
	{"心率从98次/分升至131次/分。", FailTrend},
	{"肌酐下降1.45 mg/dL。", FailNumber},
	{"钠持续偏低。", FailFlag},
	{"肌酐恶化。", FailTrend},
	{"C反应蛋白好转。", FailTrend},
	{"患者好转。", FailTrend},
	{"葡萄糖上升。", FailTrend},
	{"葡萄糖从210 mg/dL降至60 mg/dL。", FailTrend},
	{"心率和钠均好转。", FailTrend},
	{"钠和心率均好转。", FailTrend},
	{"肌酐恢复正常。", FailTrend},
	{"乳酸和钾均偏高。", FailFlag},

	{"肌酐为1.90 mg/dL，钠偏低。", ""},
	{"血氧饱和度始终正常。", ""},
	{"肌酐为1.90 mg/dL，钠偏高。", FailFlag},
	{"心率始终正常。", FailFlag},
	{"医嘱头孢曲松2 g，给予万古霉素1500 mg。", FailState},
	{"脓毒症病史。", FailState},
	{"脓毒症仅为可能。", FailState},
	{"血培养为最终结果。", FailState},

	{"目前心率为98次/分。", ""},
	{"最近一次心率为98次/分。", ""},
	{"目前心率为128次/分。", FailNumber},
	{"首次心率为98次/分。", FailNumber},

	{"患者无低氧血症。", ""},
	{"血氧饱和度为97%，无低氧血症。", ""},
	{"患者曾有心动过速。", ""},
	{"患者使用抗生素。", ""},
	{"患者无发热。", FailNegation},
	{"患者未见心动过速。", FailNegation},
	{"患者有心动过速。", FailNegation},
	{"患者未使用抗生素。", FailNegation},
	{"患者使用升压药。", FailNegation},
	{"未排除肺栓塞。", FailNegation},
	{"不能排除肺栓塞。", FailWords},
	{"已排除脓毒症。", FailNegation},
	{"患者无脑卒中病史。", FailNegation},

	{"患者诊断为左股骨骨折。", ""},
	{"右膝关节镜检查已完成。", ""},
	{"患者诊断为右股骨骨折。", FailSide},
	{"左膝关节镜检查已完成。", FailSide},
	{"患者左侧肺炎。", FailSide},
	{"左股骨骨折，右膝关节镜检查，双侧。", FailSide},

	{"入院时心率为128次/分。", ""},
	{"昨日C反应蛋白为236 mg/L。", ""},
	{"24小时前C反应蛋白为236 mg/L，今日为264 mg/L。", ""},
	{"昨日给予头孢曲松2 g。", ""},
	{"入院后3小时给予头孢曲松2 g。", ""},
	{"过去24小时内C反应蛋白上升。", ""},
	{"入院时心率为98次/分。", FailNumber},
	{"入院时心率为131次/分。", FailNumber},
	{"出院时心率为98次/分。", FailNumber},
	{"昨日C反应蛋白为264 mg/L。", FailNumber},
	{"12小时前C反应蛋白为236 mg/L。", FailNumber},
	{"今日给予头孢曲松2 g。", FailNumber},
	{"前天乳酸为4.2 mmol/L。", FailNumber},
	{"入院前心率为128次/分。", FailTerm}, // a kind of encounter
	{"20:00之后心率为128次/分。", FailDate},
	{"入院第2天心率为98次/分。", FailNumber},
	{"过去24小时内心率上升。", FailTrend},
}

func TestClaims(t *testing.T) {
	for lang, cases := range map[render.Lang][]sentenceCase{render.English: claimsEnglish, render.Chinese: claimsChinese} {
		doc := render.Render(claimsRecord(lang), render.Options{Lang: lang})
		checkCases(t, NewChecker(doc), lang, cases)
	}
}

// TestRelativeTimesNeedAnAnchor: where admission is not on record, or the record has no time at all, words that count from
// it say nothing.
func TestRelativeTimesNeedAnAnchor(t *testing.T) {
	rec := claimsRecord(render.English)
	rec.Encounters = nil
	c := NewChecker(render.Render(rec, render.Options{}))
	checkCases(t, c, render.English, []sentenceCase{
		{"On admission the heart rate was 128/min.", FailNumber}, {"The heart rate was 128/min after admission.", FailNumber},
		{"The C-reactive protein was 236 mg/L yesterday.", ""},
	})
	doc := render.Render(rec, render.Options{})
	doc.Latest = record.DateTime{}
	checkCases(t, NewChecker(doc), render.English, []sentenceCase{{"The C-reactive protein was 236 mg/L yesterday.", FailNumber}})
}

// TestLongSeriesDenyNothing: of a series longer than a fact lists, nobody has seen all readings.
func TestLongSeriesDenyNothing(t *testing.T) {
	rec := smallRecord()
	add := func(n int) {
		rec.Observations = nil
		for i := range n {
			start := at(6)
			start.Time = start.Time.Add(time.Duration(i) * time.Minute)
			rec.Observations = append(rec.Observations, record.Observation{ID: fmt.Sprint(i), Status: "final", Code: code(record.SystemLOINC, "2708-6", ""), Start: start, Value: record.Value{Quantity: quantity("97", "%")}})
		}
	}
	add(100)
	checkCases(t, NewChecker(render.Render(rec, render.Options{})), render.English, []sentenceCase{{"There was no hypoxemia.", ""}})
	add(600)
	checkCases(t, NewChecker(render.Render(rec, render.Options{})), render.English, []sentenceCase{{"There was no hypoxemia.", FailTerm}})
}
