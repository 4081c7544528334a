package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"

	"golang.org/x/term"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

func isTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

// printable takes out what could steer a terminal: texts come from records and models.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' {
			return r
		}
		// Cf has the marks that turn the order of what is shown around.
		if unicode.Is(unicode.Cc, r) || unicode.Is(unicode.Cf, r) && r != '\u200d' {
			return -1
		}
		return r
	}, s)
}

// writeJSON writes m indented, as one document.
func writeJSON(w io.Writer, m proto.Message) error { return writeProto(w, m, true) }

// writeJSONLine writes m on one line.
func writeJSONLine(w io.Writer, m proto.Message) error { return writeProto(w, m, false) }

func writeProto(w io.Writer, m proto.Message, indent bool) error {
	text, err := protojson.Marshal(m)
	if err != nil {
		return fmt.Errorf("answer as JSON: %w", err)
	}
	// protojson varies its white space on purpose; encoding/json settles it.
	var out bytes.Buffer
	if indent {
		err = json.Indent(&out, text, "", "  ")
	} else {
		err = json.Compact(&out, text)
	}
	if err != nil {
		return fmt.Errorf("answer as JSON: %w", err)
	}
	out.WriteByte('\n')
	_, err = w.Write(out.Bytes())
	return err
}
