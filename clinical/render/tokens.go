package render

import "unicode"

// EstimateTokens guesses, meaning to be high, how many tokens a byte-pair tokenizer made for
// English and Chinese takes for a text: one for each digit, sign, line end and character
// outside of ASCII, and one for every three letters begun of a word. A tokenizer without Chinese
// takes more. A model's own tokenizer counts exactly: Options.CountTokens.
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
