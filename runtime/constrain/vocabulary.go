package constrain

import (
	"cmp"
	"slices"
	"strings"
)

// Tokens is a tokenizer as far as it is needed.
type Tokens interface {
	// VocabSize returns the highest id plus one.
	VocabSize() int
	// TokenBytes returns the bytes of a token, "" where there is none of that id.
	TokenBytes(id int32) string
	// IsSpecial tells whether a token stands for no text.
	IsSpecial(id int32) bool
}

// shortBytes divides a vocabulary's tokens: the few that are longer are looked at apart (see project).
const shortBytes = 16

// Vocabulary is a model's tokens, laid out for many automata. It never changes and is safe for concurrent use.
type Vocabulary struct {
	tokens      Tokens
	size        int // of the model's vocabulary, which may be larger than the tokenizer's
	end         []int32
	short, long *trie
	single      byteSet // bytes that some token stands for alone
	longest     int     // bytes of the longest token
}

// NewVocabulary lays out the tokens of a model whose logits are size wide. end are the tokens that end a text. Special tokens
// are none of a text.
func NewVocabulary(tokens Tokens, size int, end []int32) *Vocabulary {
	v := &Vocabulary{tokens: tokens, size: size}
	for _, id := range end {
		if id >= 0 && int(id) < size {
			v.end = append(v.end, id)
		}
	}
	var short, long []entry
	for id := range int32(min(tokens.VocabSize(), size)) {
		text := v.text(id)
		if text == "" {
			continue
		}
		v.longest = max(v.longest, len(text))
		if len(text) == 1 {
			v.single.add(text[0])
		}
		if len(text) <= shortBytes {
			short = append(short, entry{text, id})
		} else {
			long = append(long, entry{text, id})
		}
	}
	v.short, v.long = newTrie(short), newTrie(long)
	return v
}

// text returns the bytes of a token that may stand in a text, "" for any other.
func (v *Vocabulary) text(id int32) string {
	if id < 0 || int(id) >= v.size || v.tokens.IsSpecial(id) || slices.Contains(v.end, id) {
		return ""
	}
	if text := v.tokens.TokenBytes(id); len(text) <= maxTokenBytes {
		return text
	}
	return ""
}

// words is the length of a mask.
func (v *Vocabulary) words() int { return (v.size + 63) / 64 }

type entry struct {
	text string
	id   int32
}

// trie holds tokens by their bytes, in the order of a walk that goes deep first: the nodes below a node follow it, up to
// its skip.
type trie struct {
	nodes []trieNode
	ids   []int32 // of the tokens, by node
}

type trieNode struct {
	label byte
	depth uint8    // length of its text
	skip  int32    // the first node that is not below this one
	ids   [2]int32 // its tokens: trie.ids[ids[0]:ids[1]]
}

// maxTokenBytes is the length of the longest token that is used.
const maxTokenBytes = 255

func newTrie(list []entry) *trie {
	slices.SortFunc(list, func(a, b entry) int { return cmp.Or(strings.Compare(a.text, b.text), cmp.Compare(a.id, b.id)) })
	t := &trie{nodes: []trieNode{{}}}
	path := []int32{0} // nodes from the root to the latest
	previous := ""
	for _, e := range list {
		same := 0
		for same < len(previous) && same < len(e.text) && previous[same] == e.text[same] {
			same++
		}
		for len(path) > same+1 {
			t.nodes[path[len(path)-1]].skip = int32(len(t.nodes))
			path = path[:len(path)-1]
		}
		for at := same; at < len(e.text); at++ {
			path = append(path, int32(len(t.nodes)))
			t.nodes = append(t.nodes, trieNode{label: e.text[at], depth: uint8(at + 1)})
		}
		n := &t.nodes[path[len(path)-1]]
		if n.ids[1] == 0 {
			n.ids[0] = int32(len(t.ids))
		}
		t.ids = append(t.ids, e.id)
		n.ids[1] = int32(len(t.ids))
		previous = e.text
	}
	for _, at := range path {
		t.nodes[at].skip = int32(len(t.nodes))
	}
	return t
}

// find returns the node that text leads to, or -1.
func (t *trie) find(text string) int32 {
	at := int32(0)
	for i := range len(text) {
		child := at + 1
		for child < t.nodes[at].skip && t.nodes[child].label != text[i] {
			child = t.nodes[child].skip
		}
		if child >= t.nodes[at].skip {
			return -1
		}
		at = child
	}
	return at
}
