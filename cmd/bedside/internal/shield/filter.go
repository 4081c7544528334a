// Package shield stands between a server and its standard error. What a dying process prints may quote a patient's record:
// a panic prints its text whole, and libraries written in C print what they like. So standard error leads into a second,
// small process, which lets through what is known to hold no text of a request, and counts what it keeps back.
package shield

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"regexp"
)

// longest is what is read of a line; the rest of a longer one is passed over.
const longest = 16 << 10

// A panic's text comes after "panic: ", its further lines with a tab in front, as the runtime prints them: what begins
// with a tab and follows no function is text.
var (
	panics    = regexp.MustCompile(`^(\[?panic: |panic\()`)
	harmless  = regexp.MustCompile(`^panic: runtime error: (invalid memory address or nil pointer dereference|integer divide by zero|index out of range \[-?\d+\]( with length \d+)?|slice bounds out of range \[[-:\d]*\](?: with (?:capacity|length) \d+)?)$`)
	routine   = regexp.MustCompile(`^goroutine \d+ (gp=\S+ m=\S+ (mp=\S+ )?)?\[[a-z A-Z,()0-9.]{1,80}\]:$`)
	function  = regexp.MustCompile(`^((?:[\w.~-]+/)*[\w.~-]+\.(?:\(\*?[\w\[\].…]+\)\.)?[\w\[\].…-]+)\([0-9a-fx, {}?.…]*\)$`)
	created   = regexp.MustCompile(`^created by [\w./()*\[\]…~-]+( in goroutine \d+)?$`)
	place     = regexp.MustCompile(`^\t[\w./@~+!-]+\.(go|s):\d+( \+0x[0-9a-f]+)?$`)
	fatal     = regexp.MustCompile(`^fatal error: [a-z ,:'-]{1,120}$`)
	signalled = regexp.MustCompile(`^(\[signal )?SIG[A-Z]+: [a-z ]+( code=\S+ addr=\S+ pc=\S+\])?$`)
	said      = regexp.MustCompile(`^runtime: [a-z0-9 -]{1,120}$`)
	// Only that ONNX Runtime complained, and where in its source.
	onnx = regexp.MustCompile(`\[[EWF]:onnxruntime:[\w-]*, [\w.]+:\d+ [\w:~]+\]`)
)

// filter is the state of reading one process's last words.
type filter struct {
	inStack bool // the line before named a function, so that this one may name its place
	frames  bool // goroutines were listed: what is like a function is one
}

// pass gives what may be printed of a line, if anything.
func (f *filter) pass(line string) (out string, ok bool) {
	wasFunction := f.inStack
	f.inStack = false
	switch {
	case harmless.MatchString(line), fatal.MatchString(line), signalled.MatchString(line), said.MatchString(line):
		return line, true
	case panics.MatchString(line) && line[0] != 'p' || len(line) > 7 && line[:7] == "panic: ":
		return "panic (its text is kept back: it may quote a request)", true
	case routine.MatchString(line):
		f.frames = true
		return line, true
	case f.frames && created.MatchString(line):
		f.inStack = true
		return line, true
	case f.frames && function.MatchString(line):
		f.inStack = true
		return function.FindStringSubmatch(line)[1] + "(...)", true
	case wasFunction && place.MatchString(line):
		return line, true
	}
	if at := onnx.FindString(line); at != "" {
		return at + " (its text is kept back)", true
	}
	return "", false
}

// Filter copies from one to the other what may be printed, until the end of what there is to read.
func Filter(from io.Reader, to io.Writer) error {
	var f filter
	kept := 0
	in := bufio.NewReaderSize(from, longest)
	for {
		line, more, err := in.ReadLine()
		if err == nil {
			text := string(line)
			for more && err == nil {
				_, more, err = in.ReadLine()
			}
			if out, ok := f.pass(text); ok {
				fmt.Fprintln(to, out)
			} else if text != "" {
				kept++
			}
		}
		if err != nil {
			if kept > 0 {
				fmt.Fprintf(to, "%d lines of standard error were kept back: they may quote a request\n", kept)
			}
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
	}
}
