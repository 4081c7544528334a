package main

import (
	"io"
	"os"
)

// palette paints text for a terminal. Its zero value leaves it as it is.
type palette struct{ on bool }

// The codes of ECMA-48 that every terminal has.
const (
	sgrHeading = "1;36"
	sgrStrong  = "1"
	sgrBad     = "1;31"
	sgrWarn    = "33"
	sgrGood    = "32"
)

func (p palette) paint(code, text string) string {
	if !p.on || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (p palette) heading(text string) string { return p.paint(sgrHeading, text) }
func (p palette) strong(text string) string  { return p.paint(sgrStrong, text) }
func (p palette) bad(text string) string     { return p.paint(sgrBad, text) }
func (p palette) warn(text string) string    { return p.paint(sgrWarn, text) }
func (p palette) good(text string) string    { return p.paint(sgrGood, text) }

// coloured is a terminal that shows colours.
type coloured struct{ io.Writer }

// paletteOf is what may be used in what is written to w.
func paletteOf(w io.Writer) palette {
	_, on := w.(coloured)
	return palette{on}
}

// onTerminal makes standard output coloured where it is a terminal that shows colours and nobody asked for none
// (https://no-color.org).
func onTerminal(f *os.File, tty bool, env func(string) string) io.Writer {
	if tty && env("NO_COLOR") == "" && env("TERM") != "dumb" {
		return coloured{f}
	}
	return f
}
