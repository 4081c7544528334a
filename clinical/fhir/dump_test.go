package fhir_test

import (
	"fmt"
	"math"
	"reflect"
	"strings"

	"github.com/bedside-lm/bedside/clinical/record"
)

// dump writes a record as text, one value a line, leaving out what was not filed.
func dump(p *record.PatientRecord) string {
	var b strings.Builder
	dumpValue(&b, "", reflect.ValueOf(p))
	return b.String()
}

func dumpValue(b *strings.Builder, path string, v reflect.Value) {
	switch x := v.Interface().(type) {
	case record.Decimal:
		fmt.Fprintf(b, "%s = %s (%v)\n", path, x.Text, x.Float)
		return
	case record.DateTime:
		if !x.IsZero() {
			fmt.Fprintf(b, "%s = %s\n", path, x)
		}
		return
	case record.Coding:
		fmt.Fprintf(b, "%s = %s | %s | %s\n", path, x.System, x.Code, x.Display)
		return
	case []float64:
		fmt.Fprintf(b, "%s = %d samples, %v ... %v\n", path, len(x), x[:min(8, len(x))], sum(x))
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			dumpValue(b, path, v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			dumpValue(b, path+"."+v.Type().Field(i).Name, v.Field(i))
		}
	case reflect.Slice:
		for i := range v.Len() {
			dumpValue(b, fmt.Sprintf("%s[%d]", path, i), v.Index(i))
		}
	default:
		if !v.IsZero() {
			fmt.Fprintf(b, "%s = %v\n", path, v.Interface())
		}
	}
}

func sum(x []float64) float64 {
	total := 0.0
	for _, v := range x {
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			total += v
		}
	}
	return total
}
