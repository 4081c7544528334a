package unit

import "strings"

// Text reads a unit as people write it ("mmHg", "beats/min", "次/分", "K/µL",
// "mcg/kg/hr"), and UCUM codes too where they mean nothing else. The error is ErrUnknown.
func Text(s string) (Unit, error) {
	if len(s) > maxCode {
		return Unit{}, ErrUnknown{}
	}
	s = tidier.Replace(s)
	if rest, ok := strings.CutPrefix(s, "x10"); ok {
		s = "10" + rest
	}
	if code, ok := spellings[strings.ToLower(s)]; ok {
		return Parse(code)
	}
	parts := strings.Split(s, "/")
	for i, p := range parts {
		if code, ok := words[strings.ToLower(p)]; ok {
			parts[i] = code
		}
	}
	return Parse(strings.Join(parts, "/"))
}

// tidier takes away what varies between writers and means nothing.
var tidier = strings.NewReplacer(
	" per ", "/", " ", "", "\u00a0", "", "µ", "u", "μ", "u", "×", "x", "·", ".", "％", "%", "／", "/", "每", "/",
	"10²", "10*2", "10³", "10*3", "10⁶", "10*6", "10⁹", "10*9", "10¹²", "10*12",
	"²", "2", "³", "3", "℃", "°c", "℉", "°f",
)

// spellings maps whole units, tidied and in lower case, to UCUM codes.
var spellings = map[string]string{
	"bpm": "/min", "beatsperminute": "/min", "breathsperminute": "/min", "rpm": "/min", "perminute": "/min",
	"resp/min": "/min", "br/min": "/min",

	"c": "Cel", "°c": "Cel", "degc": "Cel", "celsius": "Cel", "degreecelsius": "Cel", "degreescelsius": "Cel",
	"degreesc": "Cel", "摄氏度": "Cel", "f": "[degF]", "°f": "[degF]", "degf": "[degF]", "fahrenheit": "[degF]",
	"degreesfahrenheit": "[degF]", "degreefahrenheit": "[degF]", "degreesf": "[degF]", "华氏度": "[degF]",

	"mmhg": "mm[Hg]", "torr": "mm[Hg]", "millimeterofmercury": "mm[Hg]", "millimetersofmercury": "mm[Hg]",
	"毫米汞柱": "mm[Hg]", "cmh2o": "cm[H2O]", "厘米水柱": "cm[H2O]", "kpa": "kPa", "千帕": "kPa",

	"percent": "%", "percent%": "%", "pct": "%", "ratio": "1", "inr": "1", "fraction": "1", "ph": "[pH]",
	"分": "{score}", "hz": "Hz", "hertz": "Hz", "赫兹": "Hz",

	"k/ul": "10*3/uL", "10e3/ul": "10*3/uL", "thou/ul": "10*3/uL", "thousand/ul": "10*3/uL", "10^3/mcl": "10*3/uL",
	"thousand/microliter": "10*3/uL", "m/ul": "10*6/uL", "10e6/ul": "10*6/uL", "mil/ul": "10*6/uL", "million/ul": "10*6/uL",
	"10e9/l": "10*9/L", "10e12/l": "10*12/L",

	"ml/min/1.73m2": "mL/min/{1.73_m2}", "ml/min/1.73m^2": "mL/min/{1.73_m2}", "kg/m^2": "kg/m2",
}

// words maps what may stand between the strokes of a unit, in lower case.
var words = map[string]string{
	"beats": "{beats}", "beat": "{beats}", "breaths": "{breaths}", "breath": "{breaths}", "次": "{times}", "cells": "{cells}",
	"tablet": "{tbl}", "tablets": "{tbl}", "tab": "{tbl}", "capsule": "{cap}", "capsules": "{cap}", "cap": "{cap}",
	"puff": "{puff}", "puffs": "{puff}", "dose": "{dose}", "doses": "{dose}", "score": "{score}", "point": "{score}",
	"points": "{score}", "片": "{tbl}", "粒": "{cap}", "喷": "{puff}", "分值": "{score}",

	"kilogram": "kg", "kilograms": "kg", "公斤": "kg", "千克": "kg", "g": "g", "gm": "g", "gram": "g", "grams": "g", "克": "g",
	"mg": "mg", "milligram": "mg", "milligrams": "mg", "毫克": "mg", "mcg": "ug", "ug": "ug", "microgram": "ug",
	"micrograms": "ug", "微克": "ug", "nanogram": "ng", "nanograms": "ng", "纳克": "ng", "皮克": "pg", "kg": "kg",
	"lb": "[lb_av]", "lbs": "[lb_av]", "oz": "[oz_av]",

	"l": "L", "liter": "L", "liters": "L", "litre": "L", "litres": "L", "升": "L", "dl": "dL", "deciliter": "dL",
	"deciliters": "dL", "分升": "dL", "ml": "mL", "cc": "mL", "milliliter": "mL", "milliliters": "mL", "millilitre": "mL",
	"millilitres": "mL", "毫升": "mL", "ul": "uL", "mcl": "uL", "microliter": "uL", "微升": "uL", "fl": "fL",

	"mole": "mol", "摩尔": "mol", "millimole": "mmol", "millimoles": "mmol", "毫摩尔": "mmol", "micromoles": "umol",
	"微摩尔": "umol", "meq": "meq", "mosm": "mosm", "u": "[IU]", "unit": "[IU]", "units": "[IU]", "iu": "[IU]", "单位": "[IU]",
	"国际单位": "[IU]", "miu": "m[IU]", "uiu": "u[IU]",

	"cm": "cm", "centimeter": "cm", "centimeters": "cm", "centimetres": "cm", "厘米": "cm", "meter": "m", "meters": "m",
	"metre": "m", "metres": "m", "米": "m", "in": "[in_i]", "inch": "[in_i]", "inches": "[in_i]", "ft": "[ft_i]",

	"ms": "ms", "millisecond": "ms", "milliseconds": "ms", "毫秒": "ms", "sec": "s", "second": "s", "seconds": "s", "秒": "s",
	"minute": "min", "minutes": "min", "mins": "min", "分": "min", "分钟": "min", "hr": "h", "hrs": "h", "hour": "h",
	"hours": "h", "小时": "h", "day": "d", "days": "d", "天": "d", "日": "d", "week": "wk", "weeks": "wk", "周": "wk",
	"month": "mo", "months": "mo", "月": "mo", "year": "a", "years": "a", "yr": "a", "岁": "a", "年": "a",
	"millivolt": "mV", "millivolts": "mV", "毫伏": "mV", "microvolt": "uV", "microvolts": "uV", "微伏": "uV",
}
