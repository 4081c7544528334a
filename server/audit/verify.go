package audit

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
)

// maxLine bounds a line: a stream's names of further records, at most some hundred at once.
const maxLine = 1 << 20

// maxProblems is how many problems Verify tells of each file.
const maxProblems = 100

// Head names a line: all that stands before it is fixed by it.
type Head struct {
	Seq    int64
	Digest string // SHA-256 of the line, in hexadecimal
}

func (h Head) String() string { return strconv.FormatInt(h.Seq, 10) + ":" + h.Digest }

// ParseHead reads what String wrote.
func ParseHead(s string) (Head, error) {
	seq, digest, ok := strings.Cut(s, ":")
	n, err := strconv.ParseInt(seq, 10, 64)
	if !ok || err != nil || n < 1 || len(digest) != len(noLine) {
		return Head{}, errors.New("must be a line's number, a colon and 64 hexadecimal digits, as the server's log has it")
	}
	return Head{Seq: n, Digest: digest}, nil
}

// Problem is something wrong with a log.
type Problem struct {
	Line int // in its file, from 1
	What string
}

// Verifier holds a log's files, in order, against what they say of one another. Without a key, whoever can write the
// files can also make a chain that fits.
type Verifier struct {
	Key   []byte // nil: the lines' signatures are not looked at
	Heads []Head // lines that must be there, from the server's own log

	Lines       int64
	First, Last time.Time
	// Head is the last line, and Ended whether it says that the log was closed in order: else its server runs, was
	// killed, or the end was cut off, which only a Head noted elsewhere can tell.
	Head  Head
	Ended bool
	// FromStart says whether the first line of all was there.
	FromStart bool

	seen map[int64]string // lines of Heads
}

// Verify looks through the next file. The error is one of reading it.
func (v *Verifier) Verify(r io.Reader) (problems []Problem, err error) {
	in := bufio.NewReaderSize(r, 64<<10)
	for n := 1; ; n++ {
		data, whole, err := readLine(in)
		if err != nil || len(data) == 0 && !whole {
			return problems, err
		}
		for _, what := range v.line(data, whole) {
			if len(problems) < maxProblems {
				problems = append(problems, Problem{Line: n, What: what})
			}
		}
	}
}

// readLine reads a line without its line feed. A line that is too long is cut; it is no record.
func readLine(in *bufio.Reader) (data []byte, whole bool, err error) {
	for {
		piece, err := in.ReadSlice('\n')
		if len(data) <= maxLine {
			data = append(data, piece...)
		}
		switch {
		case err == nil:
			return bytes.TrimSuffix(data, []byte("\n")), true, nil
		case errors.Is(err, io.EOF):
			return data, false, nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, false, err
		}
	}
}

// line holds one line against the one before.
func (v *Verifier) line(data []byte, whole bool) (problems []string) {
	v.Lines++
	var r Record
	body, mac, ok := signed(data)
	if ok {
		ok = json.Unmarshal(data, &r) == nil && r.Seq > 0
	}
	if !whole {
		problems = append(problems, "is cut short")
	}
	if !ok {
		return append(problems, "is no line of an audit log, or was changed")
	}
	if v.Key != nil && !hmac.Equal([]byte(mac), []byte(keyed(v.Key, "line", body))) {
		problems = append(problems, fmt.Sprintf("number %d was changed, or signed with another key", r.Seq))
	}
	if what := v.link(&r); what != "" {
		problems = append(problems, what)
	}
	if v.First.IsZero() {
		v.First = r.Time
	}
	v.Head, v.Last, v.Ended = Head{Seq: r.Seq, Digest: digest(data)}, r.Time, r.Event == EventStop
	for _, h := range v.Heads {
		if h.Seq == r.Seq {
			if v.seen == nil {
				v.seen = map[int64]string{}
			}
			v.seen[r.Seq] = v.Head.Digest
		}
	}
	return problems
}

// link holds a record against the last one.
func (v *Verifier) link(r *Record) string {
	before := v.Head
	switch {
	case before.Seq == 0 && r.Seq == 1:
		v.FromStart = true
		if r.Prev != noLine {
			return "number 1 follows another line"
		}
		return ""
	case before.Seq == 0: // the files before are not at hand
		return ""
	case r.Seq > before.Seq+1:
		return fmt.Sprintf("number %d follows %d: %d missing", r.Seq, before.Seq, r.Seq-before.Seq-1)
	case r.Seq <= before.Seq:
		return fmt.Sprintf("number %d follows %d: out of order", r.Seq, before.Seq)
	case r.Prev != before.Digest:
		return fmt.Sprintf("number %d follows another line than this %d: one of them was changed", r.Seq, before.Seq)
	}
	return ""
}

// MissingHeads are those of Heads that were not found as they were noted.
func (v *Verifier) MissingHeads() []Head {
	var out []Head
	for _, h := range v.Heads {
		if v.seen[h.Seq] != h.Digest {
			out = append(out, h)
		}
	}
	return out
}

// end is where a file ends.
type end struct {
	seq    int64 // of the last whole line; 0: there is none
	digest string
	whole  int64 // bytes of whole lines
	torn   int64 // bytes behind the last line feed
}

// endOf reads the end of a file. A last line that is whole and no record is an error: writing on behind it would hide
// that something is wrong.
func endOf(path string) (end, error) {
	f, err := os.Open(path)
	if err != nil {
		return end{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return end{}, err
	}
	from := max(info.Size()-2*maxLine, 0)
	data, err := io.ReadAll(io.NewSectionReader(f, from, info.Size()-from))
	if err != nil {
		return end{}, err
	}
	last := bytes.LastIndexByte(data, '\n')
	e := end{whole: from + int64(last) + 1, torn: int64(len(data) - last - 1)}
	if last < 0 {
		if from > 0 {
			return end{}, fmt.Errorf("%s does not end in a line of an audit log; 'bedside audit verify' says more", path)
		}
		return e, nil
	}
	line := data[bytes.LastIndexByte(data[:last], '\n')+1 : last]
	var r Record
	if _, _, ok := signed(line); !ok || json.Unmarshal(line, &r) != nil || r.Seq < 1 {
		return end{}, fmt.Errorf("%s does not end in a line of an audit log; 'bedside audit verify' says more", path)
	}
	e.seq, e.digest = r.Seq, digest(line)
	return e, nil
}
