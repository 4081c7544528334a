package modelconfig

import (
	"regexp"
	"strconv"
	"strings"

	"google.golang.org/protobuf/encoding/prototext"

	inference "github.com/bedside-lm/bedside/proto/inference/v2"
)

// maxBytes bounds the text of a configuration.
const maxBytes = 1 << 20

// Parse reads the text of a config.pbtxt and checks everything that can be checked without the model's file. Errors are
// of type *Error; the first one found is told.
func Parse(text []byte) (*inference.ModelConfig, error) {
	if len(text) > maxBytes {
		return nil, &Error{Reason: "is over " + strconv.Itoa(maxBytes) + " bytes"}
	}
	cfg := &inference.ModelConfig{}
	if err := prototext.Unmarshal(text, cfg); err != nil {
		return nil, textError(err)
	}
	if err := check(cfg); err != nil {
		return nil, err
	}
	return cfg, nil
}

// position is how prototext says where a text is wrong; it offers no typed way.
var position = regexp.MustCompile(`\(line (\d+):(\d+)\): `)

func textError(err error) *Error {
	// The library varies its spaces, so that nobody compares its messages.
	text := strings.ReplaceAll(err.Error(), "\u00a0", " ")
	text = strings.TrimPrefix(text, "proto: ")
	e := &Error{Reason: text}
	if at := position.FindStringSubmatchIndex(text); at != nil {
		e.Line, _ = strconv.Atoi(text[at[2]:at[3]])
		e.Column, _ = strconv.Atoi(text[at[4]:at[5]])
		e.Reason = text[at[1]:]
		if kind := strings.TrimSpace(text[:at[0]]); kind != "" {
			e.Reason = kind + ": " + e.Reason
		}
	}
	return e
}
