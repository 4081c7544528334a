// Command deideval measures de-identification on the documents of standard input (scripts/deid/generate.py).
package main

import (
	"flag"
	"fmt"
	"os"

	"github.com/bedside-lm/bedside/clinical/deid"
	"github.com/bedside-lm/bedside/clinical/deid/evaluate"
)

func main() {
	lang := flag.String("lang", string(deid.Auto), "rules to use: auto, en or zh")
	misses := flag.Int("misses", 0, "print so many of what was missed or taken wrongly; it shows the texts")
	flag.Parse()
	report, err := evaluate.Measure(os.Stdin, deid.Lang(*lang))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	report.Write(os.Stdout)
	for _, m := range report.Misses[:min(*misses, len(report.Misses))] {
		fmt.Println(m)
	}
}
