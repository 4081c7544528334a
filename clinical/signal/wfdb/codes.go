package wfdb

// codes are the annotation codes of MIT format (ecgcodes.h of the WFDB library) by their
// numbers. "" is a number without a code.
var codes = [50]string{
	1: "N", 2: "L", 3: "R", 4: "a", 5: "V", 6: "F", 7: "J", 8: "A", 9: "S", 10: "E", 11: "j", 12: "/", 13: "Q",
	14: "~", 16: "|", 18: "s", 19: "T", 20: "*", 21: "D", 22: `"`, 23: "=", 24: "p", 25: "B", 26: "^", 27: "t",
	28: "+", 29: "u", 30: "?", 31: "!", 32: "[", 33: "]", 34: "e", 35: "n", 36: "@", 37: "x", 38: "f", 39: "(",
	40: ")", 41: "r",
}

// Words of an annotation file that are not annotations (annot(5)).
const (
	codeNone  = 0 // no annotation; with interval 0, the end of the file
	codeNote  = 22
	codeSkip  = 59
	codeNum   = 60
	codeSub   = 61
	codeChan  = 62
	codeAux   = 63
	maxCode   = 49
	maxWord   = 1<<10 - 1 // of an interval, and of a number in a word
	maxAux    = maxWord
	maxSample = 1 << 50 // of an annotation's time
)

// IsBeat says whether an annotation's code is that of a heart beat, as the WFDB library's
// isqrs has it.
func IsBeat(code string) bool {
	switch code {
	case "N", "L", "R", "a", "V", "F", "J", "A", "S", "E", "j", "/", "Q", "B", "?", "e", "n", "f", "r":
		return true
	}
	return false
}
