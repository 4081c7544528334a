package tokenizer

import (
	"fmt"
	"unicode/utf8"
)

// byteOf inverts GPT-2's alphabet, in which each byte is written as one printable character: printable Latin-1
// stands for itself, the others for U+0100 and up, in order.
var byteOf = func() map[rune]byte {
	table := make(map[rune]byte, 256)
	shifted := rune(0x100)
	for b := range 256 {
		printable := b >= '!' && b <= '~' || b >= 0xA1 && b <= 0xAC || b >= 0xAE
		if printable {
			table[rune(b)] = byte(b)
			continue
		}
		table[shifted] = byte(b)
		shifted++
	}
	return table
}()

// tokenBytes returns the bytes a vocabulary entry stands for. One that is not written in the alphabet stands for itself.
func tokenBytes(entry string) string {
	out := make([]byte, 0, len(entry))
	for _, r := range entry {
		b, ok := byteOf[r]
		if !ok {
			return entry
		}
		out = append(out, b)
	}
	return string(out)
}

// buildVocab fills the table of ids from model.vocab and added_tokens.
func (t *Tokenizer) buildVocab(doc *document) error {
	bytesOf := tokenBytes
	if doc.Model.ByteFallback {
		bytesOf = sentenceBytes
	}
	put := func(path, entry string, id int32) error {
		switch {
		case id < 0 || id >= maxVocab:
			return invalid(field(path), "id %d is outside 0 to %d", id, maxVocab-1)
		case entry == "" || len(entry) > maxTokenBytes || !utf8.ValidString(entry):
			return invalid(field(path), "the token with id %d is empty, longer than %d bytes or not valid UTF-8", id, maxTokenBytes)
		}
		for int(id) >= len(t.tokens) {
			t.tokens = append(t.tokens, "")
		}
		if t.tokens[id] != "" {
			return invalid(field(path), "id %d is given to two tokens", id)
		}
		t.tokens[id] = bytesOf(entry)
		return nil
	}
	for entry, id := range doc.Model.Vocab {
		if err := put("model.vocab", entry, id); err != nil {
			return err
		}
	}
	for i, token := range doc.AddedTokens {
		path := fmt.Sprintf("added_tokens[%d]", i)
		if id, ok := doc.Model.Vocab[token.Content]; ok {
			if id != token.ID {
				return invalid(field(path+".id"), "is %d, but model.vocab gives this token %d", token.ID, id)
			}
			continue
		}
		if err := put(path, token.Content, token.ID); err != nil {
			return err
		}
	}
	return nil
}

func (t *Tokenizer) buildAdded(doc *document) error {
	t.special = make([]bool, len(t.tokens))
	tokens := make([]addedToken, 0, len(doc.AddedTokens))
	for i, token := range doc.AddedTokens {
		path := fmt.Sprintf("added_tokens[%d]", i)
		if token.SingleWord || token.LStrip || token.RStrip {
			return unsupported(field(path), "sets single_word, lstrip or rstrip")
		}
		if _, plain := doc.Model.Vocab[token.Content]; plain && doc.Model.ByteFallback && !token.Special &&
			utf8.RuneCountInString(token.Content) == 1 {
			continue // it is what ordinary text has for this character anyway
		}
		if utf8.RuneCountInString(token.Content) < 2 {
			return unsupported(field(path+".content"), "is one character, which ordinary text cannot be kept from")
		}
		if token.Normalized && (t.nfc || doc.Model.ByteFallback) {
			return unsupported(field(path+".normalized"), "is set in a tokenizer with a normalizer")
		}
		t.special[token.ID] = token.Special
		tokens = append(tokens, addedToken{text: token.Content, id: token.ID})
	}
	t.added = newAdded(tokens)
	return nil
}

// buildBPE makes the merge tables, and sees to it that no merge and no byte can produce a special token.
func (t *Tokenizer) buildBPE(doc *document) error {
	b, vocab := &t.bpe, doc.Model.Vocab
	for i := range b.bytes {
		b.bytes[i] = -1
	}
	if doc.Model.ByteFallback {
		if err := t.buildCharacters(vocab); err != nil {
			return err
		}
	} else if err := t.buildBytes(doc); err != nil {
		return err
	}
	b.merges = make(map[uint64]merge, len(doc.Model.Merges))
	for i, pair := range doc.Model.Merges {
		path := field(fmt.Sprintf("model.merges[%d]", i))
		left, okLeft := vocab[pair[0]]
		right, okRight := vocab[pair[1]]
		id, ok := vocab[pair[0]+pair[1]]
		if !okLeft || !okRight || !ok {
			return invalid(path, "%.50q + %.50q: a part or the whole is not in model.vocab", pair[0], pair[1])
		}
		if t.special[id] {
			return unsupported(path, "makes the special token %.50q out of ordinary text", pair[0]+pair[1])
		}
		b.merges[pairKey(left, right)] = merge{rank: int32(i), id: id}
	}
	t.buildWhole(vocab, doc.Model.IgnoreMerges)
	return nil
}

func (t *Tokenizer) buildBytes(doc *document) error {
	for r, value := range byteOf {
		if id, ok := doc.Model.Vocab[string(r)]; ok && !t.special[id] {
			t.bpe.bytes[value] = id
		} else if doc.Model.UnkToken != nil {
			return unsupported(field("model.unk_token"), "is set and byte 0x%02X has no token", value)
		}
	}
	return nil
}

func (t *Tokenizer) buildWhole(vocab map[string]int32, ignoreMerges bool) {
	whole := make(map[string]int32, len(vocab))
	var ids []int32
	for _, id := range vocab {
		text := t.tokens[id]
		if t.special[id] {
			continue
		}
		if ids = t.bpe.encodeMerging(text, ids[:0]); ignoreMerges || len(ids) == 1 && ids[0] == id {
			whole[text] = id
		}
	}
	t.bpe.whole = whole
}
