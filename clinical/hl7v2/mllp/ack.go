package mllp

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/bedside-lm/bedside/clinical/record"
)

// Code is an acknowledgement's code (HL7 table 0008).
type Code string

// The codes.
const (
	Accept Code = "AA"
	Error  Code = "AE" // the message cannot be used as it is
	Reject Code = "AR" // it could not be taken now: send it again
)

// Ack is the acknowledgement of a message: what it answers is read from the message's MSH
// segment as far as there is one. err is nil for Accept; of an error of the readers the first
// fault is told, of others nothing but that there is one.
func Ack(message []byte, err error, now time.Time) []byte {
	field := "|"
	encoding, control, version := `^~\&`, "", "2.6"
	fields := strings.Split(first(message), "|")
	if len(fields) > 11 && fields[0] == "MSH" && len(fields[1]) >= 4 {
		encoding, control, version = fields[1], fields[9], fields[11]
	} else {
		fields = make([]string, 12)
	}
	code, text := outcome(err)
	var b strings.Builder
	b.WriteString(strings.Join([]string{
		"MSH", encoding, fields[4], fields[5], fields[2], fields[3], now.Format("20060102150405-0700"), "", "ACK^R01^ACK", "ACK" + control, "P", version,
	}, field))
	fmt.Fprintf(&b, "\rMSA|%s|%s\r", code, control)
	if text != "" {
		fmt.Fprintf(&b, "ERR||||E||||%s\r", escape(text))
	}
	return []byte(b.String())
}

func first(message []byte) string {
	line, _, _ := strings.Cut(string(message[:min(len(message), 4096)]), "\r")
	return line
}

func outcome(err error) (Code, string) {
	if err == nil {
		return Accept, ""
	}
	if e, ok := errors.AsType[*record.InvalidError](err); ok && len(e.Violations) > 0 {
		return Error, e.Violations[0].Path + ": " + e.Violations[0].Message
	}
	if e, ok := errors.AsType[*record.LimitError](err); ok {
		return Error, e.Error()
	}
	return Reject, "the message could not be stored; send it again"
}

var escaper = strings.NewReplacer(`\`, `\E\`, "|", `\F\`, "^", `\S\`, "&", `\T\`, "~", `\R\`, "\r", " ", "\n", " ")

func escape(s string) string { return escaper.Replace(s) }
