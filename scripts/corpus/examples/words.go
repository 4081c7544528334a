package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/bedside-lm/bedside/clinical/prompt"
	"github.com/bedside-lm/bedside/clinical/terms"
)

// told is how many measures beyond their reference range a summary or triples tell of.
const told = 8

// beyond are the measures beyond their reference range, the furthest first.
func beyond(s prompt.Sheet) []prompt.Item {
	items := slices.DeleteFunc(prompt.ByGrade(s.Items), func(it prompt.Item) bool { return it.Grade == 0 })
	return items[:min(len(items), told)]
}

// inRange are the names of measures within their range, in the order of the table of terms.
func inRange(s prompt.Sheet, lang terms.Lang) []string {
	var items []prompt.Item
	for _, it := range s.Items {
		if it.Grade == 0 && (it.Entry.Male != nil || it.Entry.Female != nil) {
			items = append(items, it)
		}
	}
	slices.SortFunc(items, func(a, b prompt.Item) int { return a.Entry.Rank - b.Entry.Rank })
	names := make([]string, len(items))
	for i, it := range items {
		names[i] = prompt.Name(it.Entry, lang)
	}
	return names
}

func quantity(e *terms.Entry, v float64, lang terms.Lang) string {
	text := prompt.Number(v)
	u := terms.UnitByCode(e.Unit)
	if u == nil || e.Unit == "1" || u.Display[lang] == "" {
		return text
	}
	return text + " " + u.Display[lang]
}

// summary tells who the patient is, what is beyond its range, with its extremes, and what is not.
func summary(s prompt.Sheet, lang terms.Lang) string {
	var out []string
	sex := sexWord(s, lang)
	age := ""
	if known(s.Age) {
		age = strconv.Itoa(int(s.Age))
	}
	if lang == terms.Chinese {
		out = append(out, fmt.Sprintf("%s，%s岁，入院后%d小时。", sex, age, s.Window.Hours()))
	} else {
		out = append(out, fmt.Sprintf("%s, %s years, %d h after admission.", sex, age, s.Window.Hours()))
	}
	for _, it := range beyond(s) {
		low, high := prompt.Number(it.Min), prompt.Number(it.Max)
		span := ""
		if lang == terms.Chinese {
			if low != high {
				span = "（" + low + "至" + high + "）"
			}
			out = append(out, it.Entry.Name(lang)+prompt.Degree(it.Grade, lang)+"："+quantity(it.Entry, it.Last, lang)+span+"。")
			continue
		}
		if low != high {
			span = " (" + low + " to " + high + ")"
		}
		name := it.Entry.Name(lang)
		out = append(out, strings.ToUpper(name[:1])+name[1:]+" "+prompt.Degree(it.Grade, lang)+": "+quantity(it.Entry, it.Last, lang)+span+".")
	}
	if names := inRange(s, lang); len(names) > 0 {
		if lang == terms.Chinese {
			out = append(out, "范围内："+strings.Join(names, "、")+"。")
		} else {
			out = append(out, "Within range: "+strings.Join(names, ", ")+".")
		}
	}
	if lang == terms.Chinese {
		return strings.Join(out, "")
	}
	return strings.Join(out, " ")
}

func sexWord(s prompt.Sheet, lang terms.Lang) string {
	words := map[terms.Lang][2]string{terms.English: {"Male", "Female"}, terms.Chinese: {"男性", "女性"}}[lang]
	switch s.Female {
	case 0:
		return words[0]
	case 1:
		return words[1]
	}
	return map[terms.Lang]string{terms.English: "Sex unknown", terms.Chinese: "性别未知"}[lang]
}

// triples are the edges of a graph, one a line: subject, relation and object between bars.
func triples(s prompt.Sheet, lang terms.Lang) string {
	patient, sex, age, value, state := "patient", "sex", "age", "value", "state"
	if lang == terms.Chinese {
		patient, sex, age, value, state = "患者", "性别", "年龄", "数值", "状态"
	}
	out := []string{patient + "|" + sex + "|" + strings.ToLower(sexWord(s, lang))}
	if known(s.Age) {
		out = append(out, patient+"|"+age+"|"+strconv.Itoa(int(s.Age)))
	}
	for _, it := range beyond(s) {
		name := it.Entry.Name(lang)
		out = append(out, name+"|"+value+"|"+quantity(it.Entry, it.Last, lang), name+"|"+state+"|"+prompt.Degree(it.Grade, lang))
	}
	return strings.Join(out, "\n")
}
