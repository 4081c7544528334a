package render

import "unicode"

// EstimateTokens is an upper estimate of the tokens that a byte-pair tokenizer for English and
// Chinese makes of a text: one for each digit, sign, line end and character outside of ASCII,
// and one for every three letters begun of a word. A model's own tokenizer counts exactly.
func EstimateTokens(text string) int {
	tokens, letters := 0, 0
	for _, r := range text {
		if r < unicode.MaxASCII && unicode.IsLetter(r) {
			if letters%3 == 0 {
				tokens++
			}
			letters++
			continue
		}
		letters = 0
		if r != ' ' {
			tokens++
		}
	}
	return tokens
}
