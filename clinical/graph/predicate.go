package graph

import (
	"github.com/bedside-lm/bedside/clinical/terms"
)

// Predicate names a relation.
type Predicate string

// The relations of the graph. What a patient is said to have directly, such as HasDiagnosis, is what
// queries are mostly about; the node that it was read from (condition, medication, ...) has the details.
const (
	HasEncounter  Predicate = "has_encounter"
	HasReading    Predicate = "has_reading"
	HasCondition  Predicate = "has_condition"
	HasMedication Predicate = "has_medication"
	HasAllergy    Predicate = "has_allergy"
	HasDevice     Predicate = "has_device"

	HasDiagnosis  Predicate = "has_diagnosis"
	HadDiagnosis  Predicate = "had_diagnosis" // resolved, or of the history
	SuspectedOf   Predicate = "suspected_of"
	HasFinding    Predicate = "has_finding"
	WasPrescribed Predicate = "was_prescribed"
	WasGiven      Predicate = "was_given"
	AllergicTo    Predicate = "allergic_to"
	Underwent     Predicate = "underwent"
	FamilyHistory Predicate = "family_history" // a relative has or had it
	Mentions      Predicate = "mentions"       // a text about the patient names it, and says no more
	Denied        Predicate = "denied"         // refuted, ruled out, or denied in a text

	Sex          Predicate = "sex"
	Age          Predicate = "age" // whole years at admission; 90 stands for 90 and above
	Status       Predicate = "status"
	Class        Predicate = "class"
	Verification Predicate = "verification"
	Criticality  Predicate = "criticality"
	Start        Predicate = "start"
	End          Predicate = "end"
	At           Predicate = "at"
	Dose         Predicate = "dose"
	Rate         Predicate = "rate"
	MeasuredAs   Predicate = "value"
	State        Predicate = "state" // how far a reading lies beyond its reference range

	Of     Predicate = "of" // what a reading, condition, medication, allergy, device or finding is of
	Reason Predicate = "reason"
	During Predicate = "during"
	By     Predicate = "by"
	Route  Predicate = "route"

	Broader Predicate = "broader"
	InClass Predicate = "in_class"
)

// predicates are all of them, with their names in both languages.
var predicates = []struct {
	predicate Predicate
	en, zh    string
}{
	{HasEncounter, "has encounter", "就诊"},
	{HasReading, "has reading", "测量记录"},
	{HasCondition, "has condition", "病情记录"},
	{HasMedication, "has medication", "用药记录"},
	{HasAllergy, "has allergy", "过敏记录"},
	{HasDevice, "has device", "设备"},
	{HasDiagnosis, "has diagnosis", "诊断"},
	{HadDiagnosis, "had diagnosis", "既往诊断"},
	{SuspectedOf, "suspected of", "疑似"},
	{HasFinding, "has finding", "异常"},
	{WasPrescribed, "was prescribed", "医嘱"},
	{WasGiven, "was given", "给予"},
	{AllergicTo, "allergic to", "过敏原"},
	{Underwent, "underwent", "操作"},
	{FamilyHistory, "family history of", "家族史"},
	{Mentions, "mentions", "提及"},
	{Denied, "denied", "否认"},
	{Sex, "sex", "性别"},
	{Age, "age", "年龄"},
	{Status, "status", "状况"},
	{Class, "class", "类别"},
	{Verification, "verification", "确认"},
	{Criticality, "criticality", "严重性"},
	{Start, "start", "开始"},
	{End, "end", "结束"},
	{At, "at", "时间"},
	{Dose, "dose", "剂量"},
	{Rate, "rate", "速率"},
	{MeasuredAs, "value", "数值"},
	{State, "state", "状态"},
	{Of, "of", "项目"},
	{Reason, "reason", "原因"},
	{During, "during", "所属就诊"},
	{By, "by", "来源设备"},
	{Route, "route", "途径"},
	{Broader, "broader", "上位"},
	{InClass, "in class", "类属"},
}

// Predicates are all relations.
func Predicates() []Predicate {
	out := make([]Predicate, len(predicates))
	for i := range predicates {
		out[i] = predicates[i].predicate
	}
	return out
}

// Known says whether p is one of the graph's own relations; imported ones are IRIs.
func (p Predicate) Known() bool { return p.at() >= 0 }

// Name is the relation's name in a language; of an imported one, its IRI.
func (p Predicate) Name(lang terms.Lang) string {
	i := p.at()
	switch {
	case i < 0:
		return string(p)
	case lang == terms.Chinese:
		return predicates[i].zh
	}
	return predicates[i].en
}

func (p Predicate) at() int {
	for i := range predicates {
		if predicates[i].predicate == p {
			return i
		}
	}
	return -1
}

// Features are the relations by which patients are alike: to nodes that they share.
func Features() []Predicate {
	return []Predicate{HasDiagnosis, HadDiagnosis, SuspectedOf, HasFinding, WasPrescribed, WasGiven, AllergicTo, Underwent}
}
