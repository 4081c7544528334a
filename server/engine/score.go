package engine

import (
	"context"
	"fmt"
	"math"

	"golang.org/x/sync/errgroup"

	"github.com/bedside-lm/bedside/batcher/continuous"
	"github.com/bedside-lm/bedside/runtime/ort"
	"github.com/bedside-lm/bedside/server/quota"
)

// ScoredToken is a token of a scored text.
type ScoredToken struct {
	ID      int32
	Logprob float64
	// Greedy says that no token was likelier.
	Greedy bool
}

// Score gives the log probability of every token of each text after prompt. The prompt is run once, and so is what texts have
// in common at their beginning, as far as a slot has room for all of them; beyond that, texts are dealt out to several.
func (e *Engine) Score(ctx context.Context, prompt []int32, texts [][]int32) ([][]ScoredToken, error) {
	if len(prompt) == 0 || len(texts) == 0 {
		return nil, ErrEmpty
	}
	for _, text := range texts {
		if len(text) == 0 {
			return nil, ErrEmpty
		}
	}
	out := make([][]ScoredToken, len(texts))
	group, ctx := errgroup.WithContext(ctx)
	for from := 0; from < len(texts); {
		c, n := newScoring(texts[from:], e.Capacity()-len(prompt))
		at := from
		group.Go(func() error {
			if err := e.runScoring(ctx, prompt, c); err != nil {
				return err
			}
			for i := range n {
				out[at+i] = c.path(c.ends[i])
			}
			return nil
		})
		from += n
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return out, nil
}

func (e *Engine) runScoring(ctx context.Context, prompt []int32, c *scoring) error {
	s := newSequence(ctx, prompt, 0)
	s.tokens = append(make([]int32, 0, len(prompt)+c.inner), prompt...)
	s.score, s.maxNew = c, c.inner+1
	s.events = make(chan Event)
	unwatch, err := e.start(ctx, s)
	if err != nil {
		return err
	}
	defer unwatch()
	quota.Charge(ctx, c.inner)
	select {
	case <-s.events: // closed at the end
		return callerError(ctx, s.err)
	case <-e.dog.Stuck():
		return errStuck
	}
}

// scoring is the state of texts being scored after one prompt. They are a trie, whose nodes are run branch by branch in one
// slot: to the scheduler each branch is a token that was sampled, with others appended to it. Where a branch does not begin where
// the last one ended, the slot goes back to the end of what both have in common. A node that nothing follows is not run: its
// token is looked up in the logits of the one before.
type scoring struct {
	nodes []scoreNode // nodes[0] is the end of the prompt
	ends  []int       // the last node of each text
	inner int         // nodes to run

	branches []branch // in the order they are run; branches[0] is the prompt
	at       int      // the one that runs
	run      []int    // the nodes of s.tokens[s.prompt:]
	behind   int      // how many tokens were run in branches that the slot has gone back from
	kept     map[int]ort.Kept
}

type scoreNode struct {
	token    int32
	parent   int
	depth    int // tokens behind the prompt; 0 for its end
	children []int
	scored   ScoredToken
}

// branch is nodes that follow one another.
type branch struct {
	from  int   // the node before its first
	nodes []int // none where it is the prompt
	forks bool  // whether several others begin where it ends
}

// end is the last node of a branch.
func (b branch) end() int {
	if len(b.nodes) == 0 {
		return 0
	}
	return b.nodes[len(b.nodes)-1]
}

// newScoring makes a trie of the first n texts, of as many as room tokens suffice for but at least one.
func newScoring(texts [][]int32, room int) (c *scoring, n int) {
	c = &scoring{nodes: []scoreNode{{}}, kept: map[int]ort.Kept{}}
	for _, text := range texts {
		if n > 0 && c.inner+c.more(text) >= room {
			break
		}
		c.add(text)
		n++
	}
	c.branches = []branch{{forks: len(c.following(0)) > 1}}
	c.plan(0)
	return c, n
}

// more is how many nodes more are to run with a text.
func (c *scoring) more(text []int32) int {
	at, shared := 0, 0
	for _, token := range text {
		child := c.child(at, token)
		if child < 0 {
			break
		}
		at = child
		shared++
	}
	more := len(text) - 1 - shared
	if shared > 0 && shared < len(text) && len(c.nodes[at].children) == 0 {
		more++ // what ended there goes on now
	}
	return max(more, 0)
}

func (c *scoring) child(node int, token int32) int {
	for _, n := range c.nodes[node].children {
		if c.nodes[n].token == token {
			return n
		}
	}
	return -1
}

func (c *scoring) add(text []int32) {
	c.inner += c.more(text)
	at := 0
	for _, token := range text {
		child := c.child(at, token)
		if child < 0 {
			child = len(c.nodes)
			c.nodes = append(c.nodes, scoreNode{token: token, parent: at, depth: c.nodes[at].depth + 1})
			c.nodes[at].children = append(c.nodes[at].children, child)
		}
		at = child
	}
	c.ends = append(c.ends, at)
}

// plan lists the branches that follow a node, depth first.
func (c *scoring) plan(node int) {
	for _, child := range c.following(node) {
		b := branch{from: node, nodes: []int{child}}
		follow := c.following(child)
		for len(follow) == 1 {
			b.nodes = append(b.nodes, follow[0])
			follow = c.following(follow[0])
		}
		b.forks = len(follow) > 1
		c.branches = append(c.branches, b)
		if b.forks {
			c.plan(b.end())
		}
	}
}

// following are the children of a node that are to run.
func (c *scoring) following(node int) (out []int) {
	for _, child := range c.nodes[node].children {
		if len(c.nodes[child].children) > 0 {
			out = append(out, child)
		}
	}
	return out
}

// weigh reads the logits of the sequence's row, and begins the next branch where one has ended. It returns how many tokens
// the branch has behind its first.
func (s *sequence) weigh(planned continuous.Row, row ort.Row, logits []float32) (appended int) {
	c := s.score
	wanted := len(row.Tokens) - row.LogitsFrom
	for i := range wanted {
		vocab := len(logits) / wanted
		place := row.Start + row.LogitsFrom + i
		node := 0
		if place >= s.prompt {
			node = c.run[place-s.prompt]
		}
		if s.failure = c.read(node, logits[i*vocab:(i+1)*vocab]); s.failure != nil {
			return 0
		}
	}
	if !planned.Samples {
		return 0
	}
	if c.at+1 == len(c.branches) {
		s.finish = FinishStop
		return 0
	}
	c.at++
	b := c.branches[c.at]
	depth := c.nodes[b.from].depth
	c.behind += len(c.run) - depth
	c.run = append(c.run[:depth], b.nodes...)
	s.tokens = s.tokens[:s.prompt+depth]
	for _, n := range b.nodes {
		s.tokens = append(s.tokens, c.nodes[n].token)
	}
	s.runEnd = len(s.tokens)
	return len(b.nodes) - 1
}

// read takes the scores of a node's children from its logits.
func (c *scoring) read(node int, logits []float32) error {
	best, norm := normOf(logits)
	if math.IsNaN(norm) {
		return fmt.Errorf("%w: logits are not numbers", ErrFailed)
	}
	for _, n := range c.nodes[node].children {
		id := c.nodes[n].token
		c.nodes[n].scored = ScoredToken{
			ID: id, Logprob: float64(logits[id]) - float64(logits[best]) - norm, Greedy: int(id) == best,
		}
	}
	return nil
}

// normOf returns the likeliest token (the lowest of equals), and the logarithm of the sum of all probabilities over its own,
// summed in float64 in index order.
func normOf(logits []float32) (best int, norm float64) {
	for i, v := range logits {
		if v > logits[best] {
			best = i
		}
	}
	top := float64(logits[best])
	sum := 0.0
	for _, v := range logits {
		sum += math.Exp(float64(v) - top)
	}
	return best, math.Log(sum)
}

// turn brings the slot to where the branch begins that weigh chose. It keeps the state that several begin at, and goes back to
// a kept one where the branch before led elsewhere.
func (c *scoring) turn(model *ort.LanguageModel, slot, prompt int) (err error) {
	before, now := c.branches[c.at-1], c.branches[c.at]
	if before.forks {
		if c.kept[before.end()], err = model.Keep(slot, prompt+c.nodes[before.end()].depth); err != nil {
			return err
		}
	}
	if now.from != before.end() {
		return model.Return(slot, c.kept[now.from])
	}
	return nil
}

// path is what a text scored, from its last node.
func (c *scoring) path(end int) []ScoredToken {
	out := make([]ScoredToken, c.nodes[end].depth)
	for n := end; n != 0; n = c.nodes[n].parent {
		out[c.nodes[n].depth-1] = c.nodes[n].scored
	}
	return out
}
