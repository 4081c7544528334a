package note

import (
	"strings"
	"unicode/utf8"

	"github.com/bedside-lm/bedside/clinical/terms"
)

// Bounds of a piece: as much as models have learnt to read at once.
const (
	maxPiece    = 400 // bytes
	maxOfPiece  = 10  // names in it
	maxSentence = 600 // bytes; what is longer is cut
)

// Piece is some sentences of a note.
type Piece struct {
	Span
	Text string
	Lang terms.Lang
	// Found and Loose are the names in it, and those that may be some, by their bytes in Text.
	Found, Loose []Mention
	// Form is the regular expression of what a model may say of it.
	Form string
}

// Pieces cuts a note where sentences end. Pieces without names are left out.
func Pieces(text string) []Piece {
	var out []Piece
	if len(text) > MaxText {
		text = text[:MaxText]
	}
	var add func(from, to int)
	add = func(from, to int) {
		p := pieceOf(text, from, to)
		if n := len(p.Found); n > 1 && (p.Form == "" || n > 2*maxOfPiece) {
			middle := p.Start + p.Found[n/2].Start // of a sentence that is a list of names
			add(p.Start, middle)
			add(middle, p.End)
		} else if p.Form != "" {
			out = append(out, p)
		}
	}
	from, names := 0, 0
	for at := 0; at < len(text); {
		end := at + sentence(text[at:])
		here := len(Find(text[at:end]))
		if at > from && (end-from > maxPiece || names+here > maxOfPiece) {
			add(from, at)
			from, names = at, 0
		}
		names += here
		at = end
	}
	add(from, len(text))
	return out
}

// pieceOf leaves out the white space around a piece.
func pieceOf(text string, from, to int) Piece {
	whole := text[from:to]
	trimmed := strings.TrimLeft(whole, " \t\r\n")
	from += len(whole) - len(trimmed)
	trimmed = strings.TrimRight(trimmed, " \t\r\n")
	p := Piece{Span: Span{from, from + len(trimmed)}, Text: trimmed, Lang: LanguageOf(trimmed)}
	p.Found = Find(trimmed)
	p.Loose = Unlisted(trimmed, p.Found)
	p.Form, p.Loose = form(trimmed, p.Lang, p.Found, p.Loose)
	return p
}

// Read takes the lines of a model's answer, as Read of this package does.
func (p *Piece) Read(answer string) (out []Statement, dropped int) {
	return Read(p.Text, p.Lang, p.Found, p.Loose, answer)
}

// LanguageOf tells Chinese from English by whether there are Chinese characters.
func LanguageOf(text string) terms.Lang {
	if strings.IndexFunc(text, han) >= 0 {
		return terms.Chinese
	}
	return terms.English
}

// sentence is the bytes of a text's first sentence with the mark that ends it.
func sentence(text string) int {
	for n := 0; n < len(text); {
		r, size := utf8.DecodeRuneInString(text[n:])
		n += size
		switch {
		case r == '\n' || r == '。' || r == '！' || r == '？',
			(r == '.' || r == '!' || r == '?') && n < len(text) && (text[n] == ' ' || text[n] == '\n'):
			return n
		case n >= maxSentence:
			return n
		}
	}
	return len(text)
}
