// Package tokenizer turns text into a model's token ids and back, exactly as Hugging Face's tokenizers does,
// for the byte-level BPE family (GPT-2, SmolLM2, Llama 3, Qwen 2), read from tokenizer.json.
//
// It has its own merge loop and its own pre-tokenizers. tiktoken-go, the library at hand, takes time quadratic in
// the length of a word (20 kB of one letter: 0.35 s, so minutes for 1 MB) and turns a byte that the vocabulary
// lacks into token 0, which is <|endoftext|> here: text could end a document. Here time is n log n, and
// a byte without a token is left out, as the reference does.
//
// Text is read as UTF-8; what is not valid is read as WHATWG's decoder does (https://encoding.spec.whatwg.org/,
// Unicode 3.9 "maximal subparts"): each maximal part of a sequence that is cut short, or else each single byte,
// becomes one U+FFFD. Letters, numbers and spaces are those of Go's Unicode tables; characters that
// Unicode added later than those may split differently from the reference.
//
// SentencePiece's BPE as Gemma has it (model.byte_fallback) is read too: a space is written as U+2581, merging begins with characters
// over the whole text, and a character without a token is its bytes' tokens. Decoding differs from the reference in one
// thing: where bytes make no character, valid ones among them are kept, which it replaces as well.
//
// A second family, SentencePiece's Unigram as XLM-RoBERTa and multilingual E5 have it, is Unigram's. No library at hand does
// it from tokenizer.json: sugarme panics on invalid UTF-8, daulet's needs Rust, the others know SentencePiece's BPE alone.
//
// A special token that stands in text is ordinary text unless the caller asks otherwise with WithSpecial.
// In chats only the template can write special tokens, never a message: see EncodeChat.
package tokenizer
