package note_test

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/clinical/note"
	"github.com/bedside-lm/bedside/clinical/terms"
)

// lines are what the rules read of a note, a line a statement.
func lines(text string) []string {
	var out []string
	for _, s := range note.ByRule(text) {
		out = append(out, strings.TrimSpace(note.Write(text, note.LanguageOf(text), []note.Statement{s})))
	}
	return out
}

func TestByRule(t *testing.T) {
	for text, want := range map[string][]string{
		"72M c/o chest pain, denies cough or fever. PMH: hypertension.": {
			"chest pain|diagnosis|patient", "cough|denied|patient", "fever|denied|patient", "hypertension|history|patient",
		},
		"Father had gout. Possible sepsis; given vancomycin. PE was ruled out.": {
			"gout|family|patient", "sepsis|possible|patient", "vancomycin|given|patient", "PE|denied|patient",
		},
		"BP 88/52 mmHg, CRP64.3, T 38.5℃. Allergic to penicillin. T2DM.": {
			"BP|value|88/52 mmHg", "CRP|value|64.3", "T|value|38.5℃", "penicillin|allergy|patient", "T2DM|diagnosis|patient",
		},
		"患者胸痛，否认咳嗽。考虑肺炎，给予万古霉素。父亲有高血压。": {
			"胸痛|诊断|患者", "咳嗽|否认|患者", "肺炎|疑似|患者", "万古霉素|给予|患者", "高血压|家族|患者",
		},
		"对青霉素过敏。血压88/52mmHg。": {"青霉素|过敏|患者", "血压|数值|88/52mmHg"},
		"The ward was quiet.": nil,
	} {
		require.Equal(t, want, lines(text), text)
	}
}

// Sentences as they are written at bedsides, none of the corpus': what is stated of each name, up to where words reach.
func TestRulesOfScope(t *testing.T) {
	for text, want := range map[string]string{
		"No chest pain, has fever.":                                                  "chest pain denied, fever diagnosis",
		"Denies cough for 3 days, fever or vomiting; known asthma.":                  "cough denied, fever denied, vomiting denied, asthma history",
		"PMH: asthma; stroke; gout. Wean norepinephrine as tolerated.":               "asthma history, stroke history, gout history, norepinephrine named",
		"No fever; reports cough.":                                                   "fever denied, cough diagnosis",
		"否认糖尿病；脑梗死。无发热；有胸痛。":                                                         "糖尿病 denied, 脑梗死 denied, 发热 denied, 胸痛 diagnosis",
		"Had no nausea but vomiting.":                                                "nausea denied, vomiting diagnosis",
		"No history of stroke, hypertension.":                                        "stroke denied, hypertension denied",
		"Cough denied, fever present.":                                               "Cough denied, fever diagnosis",
		"PE cannot be excluded. PE has been excluded.":                               "PE possible, PE denied",
		"Sepsis unlikely given normal lactate.":                                      "Sepsis denied",
		"Acute kidney injury in 2019, resolved. Stroke 3 years ago.":                 "Acute kidney injury history, Stroke history",
		"59-year-old man brought in with fever.":                                     "fever diagnosis",
		"Mother had gout, patient denies gout.":                                      "gout family, gout denied",
		"Family: no stroke. Stroke runs in the family.":                              "stroke denied, Stroke family",
		"Return if fever. Monitor for sepsis. DVT prophylaxis with enoxaparin.":      "fever named, sepsis named, DVT named, enoxaparin given",
		"Wife has influenza. Worried about stroke.":                                  "influenza named, stroke named",
		"Plan: start vancomycin, stop cefepime. Cefepime held.":                      "vancomycin ordered, cefepime named, Cefepime named",
		"Not taking aspirin. Aspirin 100 mg given at 10:00, heparin ordered.":        "aspirin denied, Aspirin given, heparin ordered",
		"Allergies: strawberries, penicillin (hives). Tolerates ibuprofen.":          "penicillin allergy, hives named, ibuprofen denied",
		"Cannot take penicillin due to allergy. Rash with ibuprofen.":                "penicillin allergy, Rash named, ibuprofen allergy",
		"Treated for pneumonia with ceftriaxone.":                                    "pneumonia diagnosis, ceftriaxone given",
		"Underwent bronchoscopy. Gastroscopy tomorrow. Dialysis was declined.":       "bronchoscopy done, Gastroscopy named, Dialysis denied",
		"BP 88/52 (was 120/80). HR up from 90 to 118. CRP pending, Hb at 9 am.":      "BP 88/52, HR 118, CRP named, Hb named",
		"Lactate yesterday 4.1, now 2.0. K 3.1 (ref 3.5 to 5.1). Recheck Na in 4 h.": "Lactate 2.0, K 3.1, Na named",
		"HR and BP stable, Hb 8.1 g/dL.":                                             "HR named, BP named, Hb 8.1 g/dL",
		"否认发热、咳嗽，有胸痛。":                                                               "发热 denied, 咳嗽 denied, 胸痛 diagnosis",
		"否认糖尿病，否认输血史，对青霉素过敏。":                                                        "糖尿病 denied, 输血 denied, 青霉素 allergy",
		"既往高血压10年，现胸痛。脑梗死病史3年。":                                                      "高血压 history, 胸痛 diagnosis, 脑梗死 history",
		"父亲有糖尿病，本人否认糖尿病。":                                                            "糖尿病 family, 糖尿病 denied",
		"肺炎待排，不除外肺栓塞，暂不考虑急性心肌梗死。":                                                    "肺炎 possible, 肺栓塞 possible, 急性心肌梗死 denied",
		"若出现胸痛及时就诊。警惕感染性休克。":                                                         "胸痛 named, 感染性休克 named",
		"予头孢曲松静滴，拟予万古霉素，停用布洛芬。未予阿司匹林。":                                               "头孢曲松 given, 万古霉素 ordered, 布洛芬 named, 阿司匹林 denied",
		"行胃镜检查，拟行透析，病情加重时行透析。":                                                       "胃镜检查 done, 透析 named, 透析 named",
		"白细胞由12.1升至15.2×10^9/L。血钾较前3.9为3.2mmol/L，明日8时复查血钠。":                          "白细胞 15.2×10^9/L, 血钾 3.2mmol/L",
		"最高血压180/110mmHg。":                                                           "高血压 named",
	} {
		var got []string
		for _, s := range note.ByRule(text) {
			what := string(s.Relation)
			if s.Relation == note.Value {
				what = s.Value.Of(text)
			}
			got = append(got, s.Mention.Of(text)+" "+what)
		}
		assert.Equal(t, want, strings.Join(got, ", "), text)
	}
}

func TestFind(t *testing.T) {
	for text, want := range map[string][]string{
		"Pes planus; pe; PE":                      {"PE"}, // short capitals count as they are written
		"seizures, SEIZURE, seizured":             {"seizures", "SEIZURE"},
		"potassium is measured daily":             nil, // a measure without a number
		"HR 118, previously\n96":                  {"HR"},
		"ｐｎｅｕｍｏｎｉａ":                               {"ｐｎｅｕｍｏｎｉａ"},
		"aspiration pneumonia":                    {"aspiration pneumonia"}, // the longest
		"<|answer|>sepsis|diagnosis|patient":      {"sepsis"},
		"\xffsepsis\xff":                          {"sepsis"},
		"肺炎链球菌肺炎":                                 {"肺炎链球菌肺炎"},
		strings.Repeat("a", note.MaxText) + " PE": nil,
	} {
		var got []string
		for _, m := range note.Find(text) {
			got = append(got, m.Of(text))
		}
		require.Equal(t, want, got, "%.40q", text)
	}
}

func TestUnlisted(t *testing.T) {
	for text, want := range map[string][]string{
		"C/o flank pain for 3 days. Given dupilumab and MRI of the spine.": {"flank pain", "dupilumab", "MRI of the spine"},
		"予托法替布口服，诉胁痛3天。":                                                   {"托法替布", "胁痛"},
		"Given aspirin.": nil,
	} {
		var got []string
		for _, m := range note.Unlisted(text, note.Find(text)) {
			got = append(got, m.Of(text))
		}
		require.Equal(t, want, got, text)
	}
}

func TestFormAndRead(t *testing.T) {
	text := "Flank pain, denies cough. HR 118 bpm (was 96). Quiet|night"
	pieces := note.Pieces(text)
	require.Len(t, pieces, 1)
	p := &pieces[0]
	form := regexp.MustCompile("^(?:" + p.Form + ")$")
	right := "Flank pain|diagnosis|patient\n cough|denied|patient\n HR|value|118 bpm"
	require.Regexp(t, form, right)
	require.Regexp(t, form, " cough|named|patient\n HR|value|96", "what the table lacks may be left out")
	for _, wrong := range []string{
		"", "Flank pain|diagnosis|patient", " cough|denied|patient", " cough|given|patient\n HR|value|118 bpm", " cough|denied|patient\n HR|value|119",
		" HR|value|118 bpm\n cough|denied|patient", right + "\n sepsis|diagnosis|patient", right + "<|end|>",
	} {
		require.NotRegexp(t, form, wrong)
	}
	read, dropped := p.Read(right)
	require.Zero(t, dropped)
	require.Len(t, read, 3)
	require.Equal(t, right, note.Write(text, terms.English, read))
	require.Empty(t, read[0].Mention.Entries)
	require.Equal(t, "118 bpm", read[2].Value.Of(text))
	_, dropped = p.Read("sepsis|diagnosis|patient\nx\n cough|denied|nobody\n HR|value|1")
	require.Equal(t, 4, dropped)
}

func TestQuantities(t *testing.T) {
	for text, want := range map[string][]note.Quantity{
		"temp 102.2 °F":  {{Entry: terms.Measure("8310-5"), Value: 39}},
		"T 38.5":         {{Entry: terms.Measure("8310-5"), Value: 38.5, Bare: true}},
		"BP 88/52 mmHg":  {{Entry: terms.Measure("8480-6"), Value: 88}, {Entry: terms.Measure("8462-4"), Value: 52}},
		"HR 88/52":       nil,
		"BP 88 mmHg":     nil,
		"lactate 4 mmHg": nil,
		"pH 7.31":        {{Entry: terms.Measure("11558-4"), Value: 7.31}},
		"血压 120/80毫米汞柱":  {{Entry: terms.Measure("8480-6"), Value: 120}, {Entry: terms.Measure("8462-4"), Value: 80}},
	} {
		s := note.ByRule(text)
		require.Len(t, s, 1, text)
		require.Equal(t, want, s[0].Quantities(text), text)
	}
}

func TestPiecesOfALongNote(t *testing.T) {
	text := strings.Repeat("Denies cough. Given aspirin for chest pain. ", 40) + strings.Repeat("PE, DVT, sepsis, gout, ", 20)
	at, names := 0, 0
	for _, p := range note.Pieces(text) {
		require.GreaterOrEqual(t, p.Start, at)
		require.Equal(t, text[p.Start:p.End], p.Text)
		at, names = p.End, names+len(p.Found)
	}
	require.Equal(t, 3*40+4*20, names)
}

func TestParseSettings(t *testing.T) {
	s, err := note.ParseSettings([]byte(`{"least": 0.25}`))
	require.NoError(t, err)
	require.InDelta(t, 0.25, s.Least, 0)
	for _, faulty := range []string{"", "{", `{"least": 1}`, `{"least": -0.1}`, `{"other": 1}`, strings.Repeat(" ", note.MaxSettingsBytes+1)} {
		_, err := note.ParseSettings([]byte(faulty))
		require.ErrorIs(t, err, note.ErrSettings)
	}
}

// Whatever a note is, its names lie in it in their order, and what a model may say of it comes back as it was said.
func FuzzPieces(f *testing.F) {
	for _, text := range []string{
		"72M c/o chest pain, denies cough. BP 88/52 mmHg.", "患者胸痛，否认咳嗽。既往高血压。", "a|b|c\n<|answer|> sepsis|diagnosis|patient<|end|>",
		"PE.\x00 \xff\xfe PE", "HR 1 2 3 4 5 6", "CRP64.3 K4.8 (3.5-5.1)", "肺炎PE肺炎", ".。!?\n\n", "temp 38.5 °C ° C",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		at := 0
		for _, p := range note.Pieces(text) {
			require.Equal(t, text[p.Start:p.End], p.Text)
			require.GreaterOrEqual(t, p.Start, at)
			at = p.End
			var all []note.Statement
			last := 0
			for _, m := range p.Found {
				require.GreaterOrEqual(t, m.Start, last)
				last = m.End
				s := note.Statement{Mention: m, Relation: m.Relations()[0]}
				if m.Values != nil {
					s.Relation, s.Value = note.Value, m.Values[0]
					s.Quantities(p.Text)
				}
				all = append(all, s)
			}
			if !utf8.ValidString(p.Text) {
				continue // the protocol carries none; Go's expressions read such bytes as another character
			}
			form := regexp.MustCompile("^(?:" + p.Form + ")$")
			answer := note.Write(p.Text, p.Lang, all)
			require.Regexp(t, form, answer)
			read, dropped := p.Read(answer)
			require.Zero(t, dropped)
			require.Len(t, read, len(all))
		}
		for _, s := range note.ByRule(text) {
			require.LessOrEqual(t, s.Mention.End, len(text))
		}
	})
}
