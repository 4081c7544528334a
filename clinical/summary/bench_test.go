package summary

import (
	"strings"
	"testing"

	"github.com/bedside-lm/bedside/clinical/render"
)

func BenchmarkCheck(b *testing.B) {
	c := NewChecker(sample(b, render.English))
	for name, s := range map[string]string{
		"usual":   "The heart rate fell from 118/min to 94/min and lactate was 1.8 mmol/L at 18:00.",
		"hostile": strings.Repeat("heart rate 118 bpm at 06:00 (high) given ", 40)[:maxSentence],
		"digits":  strings.Repeat("1:1 ", 400)[:maxSentence],
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				c.Check(s)
			}
		})
	}
}
