package dicom

import (
	"encoding/binary"

	"github.com/bedside-lm/bedside/clinical/record"
)

const (
	preamble   = 128
	magic      = "DICM"
	groupPixel = 0x7FE0 // of pixels; groups are in order, and nothing that is read comes after
	groupMeta  = 0x0002
	undefined  = 0xFFFFFFFF
	maxValue   = 256 // bytes; PS3.5 allows at most 64 characters in what is read
	maxCodes   = 8
)

// code is an item of a procedure code sequence.
type code struct{ value, scheme string }

// tags are the values that were read, without padding. big says that numbers are written with
// the highest byte first.
type tags struct {
	values map[tag][]byte
	codes  []code
	big    bool
}

// frame is a sequence or an item that the reader is in.
type frame struct {
	item     bool
	end      int  // where it ends, or -1: at its delimiter
	codes    bool // of the procedure codes
	implicit bool
}

// reader walks over data elements. Nested ones are kept on a stack, not in calls.
type reader struct {
	data     []byte
	at       int
	lim      Limits
	order    binary.ByteOrder
	implicit bool
	inMeta   bool
	stack    []frame
	elements int
	out      *tags
}

func readTags(data []byte, lim Limits) (*tags, error) {
	if int64(len(data)) > lim.Bytes {
		return nil, &record.LimitError{Path: "file", What: "bytes", Limit: lim.Bytes}
	}
	if len(data) < preamble+len(magic) || string(data[preamble:preamble+len(magic)]) != magic {
		return nil, invalid(preamble, "expected DICM")
	}
	r := &reader{
		data: data, at: preamble + len(magic), lim: lim, order: binary.LittleEndian, inMeta: true, out: &tags{values: map[tag][]byte{}},
	}
	for {
		done, err := r.step()
		if err != nil {
			return nil, err
		}
		if done {
			return r.out, nil
		}
	}
}

// step reads one element, or the end of a sequence or item.
func (r *reader) step() (done bool, err error) {
	r.leave()
	if r.at == len(r.data) {
		if len(r.stack) > 0 {
			return false, invalid(r.at, "the file ends within a sequence")
		}
		return true, nil
	}
	if r.elements++; r.elements > r.lim.Elements {
		return false, &record.LimitError{Path: "file", What: "data elements", Limit: int64(r.lim.Elements)}
	}
	if r.inMeta {
		if err := r.leaveMeta(); err != nil {
			return false, err
		}
	}
	start := r.at
	e, err := r.head()
	if err != nil {
		return false, err
	}
	if len(r.stack) == 0 && e.tag>>16 >= groupPixel && e.tag != tagItem && e.tag != tagItemEnd && e.tag != tagSequenceEnd {
		return true, nil
	}
	switch {
	case e.tag == tagItem || e.tag == tagItemEnd || e.tag == tagSequenceEnd:
		return false, r.delimiter(start, e)
	case len(r.stack) > 0 && !r.stack[len(r.stack)-1].item:
		return false, invalid(start, "expected an item of a sequence")
	case e.length == undefined || e.tag == tagProcedureCodes && len(r.stack) == 0:
		return false, r.enter(start, e)
	}
	if int64(e.length) > int64(r.end()-r.at) {
		return false, invalid(start, "the element is longer than what it is in")
	}
	value := r.data[r.at : r.at+int(e.length)]
	r.at += int(e.length)
	return false, r.keep(start, e.tag, value)
}

// leave drops the frames that end here.
func (r *reader) leave() {
	for len(r.stack) > 0 && r.stack[len(r.stack)-1].end == r.at {
		r.pop()
	}
}

func (r *reader) pop() {
	r.implicit = r.stack[len(r.stack)-1].implicit
	r.stack = r.stack[:len(r.stack)-1]
}

// end is where the innermost frame with a known end does.
func (r *reader) end() int {
	for i := len(r.stack) - 1; i >= 0; i-- {
		if r.stack[i].end >= 0 {
			return r.stack[i].end
		}
	}
	return len(r.data)
}

// leaveMeta takes over the file's own transfer syntax after the group that names it, which is
// always explicit, lowest byte first (PS3.10 section 7.1).
func (r *reader) leaveMeta() error {
	if len(r.data)-r.at < 2 {
		return invalid(r.at, "expected a data element")
	}
	if binary.LittleEndian.Uint16(r.data[r.at:]) == groupMeta {
		return nil
	}
	r.inMeta = false
	switch syntax := text(r.out.values[tagTransferSyntax]); syntax {
	case "1.2.840.10008.1.2":
		r.implicit = true
	case "1.2.840.10008.1.2.2":
		r.order, r.out.big = binary.BigEndian, true
	case "1.2.840.10008.1.2.1.99":
		return invalid(r.at, "the data set is deflated, which is not read")
	case "":
		return invalid(r.at, "expected a transfer syntax before the data set")
	} // all others are explicit, lowest byte first; they differ in how pixels are packed
	return nil
}

type element struct {
	tag    tag
	vr     string // "" in implicit
	length uint32
}

// head reads a tag, its value representation and its length.
func (r *reader) head() (e element, err error) {
	start, left := r.at, r.end()-r.at
	if left < 8 {
		return e, invalid(start, "expected a data element of at least 8 bytes")
	}
	b := r.data[start:]
	e.tag = tag(r.order.Uint16(b))<<16 | tag(r.order.Uint16(b[2:]))
	delimiter := e.tag == tagItem || e.tag == tagItemEnd || e.tag == tagSequenceEnd
	if r.implicit || delimiter {
		e.length = r.order.Uint32(b[4:])
		r.at += 8
		return e, nil
	}
	e.vr = string(b[4:6])
	switch e.vr {
	case "OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV":
		if left < 12 {
			return e, invalid(start, "expected a data element of at least 12 bytes")
		}
		e.length = r.order.Uint32(b[8:])
		r.at += 12
	case "AE", "AS", "AT", "CS", "DA", "DS", "DT", "FL", "FD", "IS", "LO", "LT", "PN", "SH", "SL", "SS", "ST", "TM", "UI", "UL", "US":
		e.length = uint32(r.order.Uint16(b[6:]))
		r.at += 8
	default:
		return e, invalid(start+4, "expected a value representation of PS3.5 table 6.2-1")
	}
	return e, nil
}

// enter goes into a sequence.
func (r *reader) enter(start int, e element) error {
	if e.vr != "" && e.vr != "SQ" && e.vr != "UN" {
		return invalid(start, "expected a length, which only sequences may leave out")
	}
	f := frame{end: -1, implicit: r.implicit, codes: e.tag == tagProcedureCodes && len(r.stack) == 0}
	if e.length != undefined {
		if int64(e.length) > int64(r.end()-r.at) {
			return invalid(start, "the sequence is longer than what it is in")
		}
		f.end = r.at + int(e.length)
	}
	if e.vr == "UN" { // PS3.5 section 6.2.2: what is in it is implicit
		r.implicit = true
	}
	return r.push(f)
}

func (r *reader) push(f frame) error {
	if len(r.stack) >= 2*r.lim.Depth {
		return &record.LimitError{Path: "file", What: "nested sequences", Limit: int64(r.lim.Depth)}
	}
	r.stack = append(r.stack, f)
	return nil
}

// delimiter begins an item, or ends an item or a sequence.
func (r *reader) delimiter(start int, e element) error {
	if len(r.stack) == 0 {
		return invalid(start, "the part of a sequence stands outside of one")
	}
	top := r.stack[len(r.stack)-1]
	if e.tag != tagItem {
		if top.end >= 0 || top.item != (e.tag == tagItemEnd) || e.length != 0 {
			return invalid(start, "the end of a sequence or item stands where none ends")
		}
		r.pop()
		return nil
	}
	if top.item {
		return invalid(start, "an item stands within an item")
	}
	f := frame{item: true, end: -1, codes: top.codes, implicit: r.implicit}
	if e.length != undefined {
		if int64(e.length) > int64(r.end()-r.at) {
			return invalid(start, "the item is longer than its sequence")
		}
		f.end = r.at + int(e.length)
	}
	if f.codes && len(r.out.codes) < maxCodes {
		r.out.codes = append(r.out.codes, code{})
	}
	return r.push(f)
}

// keep takes a value that is wanted. The first of several stands.
func (r *reader) keep(start int, t tag, value []byte) error {
	inCode := len(r.stack) == 2 && r.stack[1].codes && len(r.out.codes) > 0 && (t == tagCodeValue || t == tagCodeScheme)
	if !inCode && (len(r.stack) > 0 || !wanted[t]) {
		return nil
	}
	if len(value) > maxValue {
		return invalid(start, "expected a value of at most %d bytes", maxValue)
	}
	if inCode {
		c := &r.out.codes[len(r.out.codes)-1]
		if t == tagCodeValue {
			c.value = identifier(value)
		} else {
			c.scheme = identifier(value)
		}
		return nil
	}
	if _, there := r.out.values[t]; !there {
		r.out.values[t] = value
	}
	return nil
}
