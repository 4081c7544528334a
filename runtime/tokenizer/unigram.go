package tokenizer

import (
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	metaspace = "\u2581" // stands for a space
	// unknownPenalty is how much less likely than the rarest piece a character without a piece is.
	unknownPenalty = 10.0
)

// Unigram encodes text with a SentencePiece Unigram vocabulary (Kudo 2018, "Subword Regularization"), as XLM-RoBERTa and
// multilingual E5 have it: of all ways to cut a text into pieces it takes the likeliest. It never changes after
// LoadUnigram and is safe for concurrent use.
//
// Ids are those of Hugging Face's tokenizers, but for one thing: text never becomes a special token, not even "</s>".
type Unigram struct {
	normalizer    *charsmap
	pieces        *pieces
	scores        []float64 // by id
	unknown       int32
	unknownScore  float64
	before, after []int32 // tokens put around every text
}

// VocabSize returns the highest id plus one.
func (u *Unigram) VocabSize() int { return len(u.scores) }

// Encode returns the ids of text, between the tokens that the model wants around it. At most limit ids are returned, those
// around the text included, where limit is not 0; truncated tells whether some had to be left out, which are the
// text's last. Invalid UTF-8 is first replaced as ValidText does. Time is linear in the text's length.
func (u *Unigram) Encode(text string, limit int) (ids []int32, truncated bool) {
	room := -1
	if limit > 0 {
		room = max(limit-len(u.before)-len(u.after), 0)
	}
	ids = append(make([]int32, 0, len(text)/4+8), u.before...)
	var search lattice
	for text = u.prepare(text); text != "" && (room < 0 || len(ids)-len(u.before) <= room); {
		word := nextWord(text)
		ids = search.encode(u, word, ids)
		text = text[len(word):]
	}
	if room >= 0 && len(ids)-len(u.before) > room {
		ids, truncated = ids[:len(u.before)+room], true
	}
	return append(ids, u.after...), truncated
}

// prepare normalizes text and writes its spaces as pieces have them.
func (u *Unigram) prepare(text string) string {
	text = u.normalizer.normalize(ValidText(text))
	if text == "" {
		return ""
	}
	var out strings.Builder
	out.Grow(len(text) + len(text)/4 + len(metaspace))
	if !strings.HasPrefix(text, " ") && !strings.HasPrefix(text, metaspace) {
		out.WriteString(metaspace)
	}
	for text != "" {
		word, rest, space := strings.Cut(text, " ")
		out.WriteString(word)
		if space {
			out.WriteString(metaspace)
			rest = strings.TrimLeft(rest, " ")
		}
		text = rest
	}
	return out.String()
}

// nextWord returns the beginning of text up to the next metaspace that is not its first character.
func nextWord(text string) string {
	if len(text) > len(metaspace) {
		if at := strings.Index(text[1:], metaspace); at >= 0 {
			return text[:at+1]
		}
	}
	return text
}

// lattice holds the best way to each place of a word (Viterbi 1967); it is kept from word to word for its memory.
type lattice struct{ ends []pathEnd }

// pathEnd is the last step of the best path that ends at a place.
type pathEnd struct {
	score float64
	start int32 // -1: no path ends here
	id    int32
}

// encode appends the ids of word to ids.
func (l *lattice) encode(u *Unigram, word string, ids []int32) []int32 {
	l.ends = slices.Grow(l.ends[:0], len(word)+1)[:len(word)+1]
	for i := range l.ends {
		l.ends[i].start = -1
	}
	l.ends[0].score = 0
	for at := 0; at < len(word); {
		_, width := utf8.DecodeRuneInString(word[at:])
		if !l.extend(u, word, at, width) {
			l.offer(at, at+width, u.unknown, u.unknownScore)
		}
		at += width
	}
	return l.collect(u, ids)
}

// extend offers all pieces that begin at the given place, and tells whether one of them is the one character there.
func (l *lattice) extend(u *Unigram, word string, at, width int) (single bool) {
	for node, end := int32(0), at; end < len(word); {
		next, ok := u.pieces.child(node, word[end])
		if !ok {
			break
		}
		node, end = next, end+1
		if id := u.pieces.nodes[node].id; id >= 0 {
			l.offer(at, end, id, u.scores[id])
			single = single || end-at == width
		}
	}
	return single
}

// offer takes the step from start to end if it is better than what leads to end so far; the first of equals stays.
func (l *lattice) offer(start, end int, id int32, score float64) {
	score += l.ends[start].score
	if to := &l.ends[end]; to.start < 0 || score > to.score {
		*to = pathEnd{score: score, start: int32(start), id: id}
	}
}

// collect appends the ids on the best path. Unknown characters side by side are one unknown token.
func (l *lattice) collect(u *Unigram, ids []int32) []int32 {
	first := len(ids)
	for at := int32(len(l.ends) - 1); at > 0; at = l.ends[at].start {
		id := l.ends[at].id
		if id == u.unknown && len(ids) > first && ids[len(ids)-1] == u.unknown {
			continue
		}
		ids = append(ids, id)
	}
	slices.Reverse(ids[first:])
	return ids
}
