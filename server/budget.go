package server

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"sync"

	"github.com/bedside-lm/bedside/runtime/ort"
	"github.com/bedside-lm/bedside/runtime/repository"
)

// budget deals out memory to models before it is used: their files, and the caches of language models, which the system
// gives page by page as sequences grow, when it is too late to refuse them. It is safe for concurrent use.
type budget struct {
	limit    int64 // of the process; 0: not known
	cache    int64 // of each model's cache; 0: a share of what is left
	resident func() int64

	mu       sync.Mutex
	reserved int64 // for caches
}

const (
	cacheShare = 0.6 // of what is left: the rest is for runs, requests and answers
	// A sequence's cache takes whole pages of each layer and head, so a little more than its tokens need.
	pageOverhead = 1.1
	leastTokens  = 128
)

// left is the memory that nobody has, or has been promised.
func (b *budget) left() int64 { return b.limit - b.resident() - b.reserved }

// fits refuses a model whose files are larger than the memory that is left.
func (b *budget) fits(dir string) error {
	if b.limit == 0 {
		return nil
	}
	var size int64
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			size += info.Size()
		}
		return err
	})
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if left := b.left(); size > left {
		return &repository.Error{Dir: dir, Reason: fmt.Sprintf("its files take %d MiB, and %d MiB of memory are left (--memory-limit)", size>>20, max(0, left)>>20)}
	}
	return nil
}

// tokens says how many tokens of a model's sequences fit into memory together, 0 where all that its slots hold do, and how
// much memory that is.
func (b *budget) tokens(model *ort.LanguageModel) (tokens int, bytes int64, err error) {
	memory, opt := model.SlotMemory(), model.Options()
	if memory.Constant || memory.Bytes == 0 {
		return 0, 0, nil
	}
	// A slot has room for a step more than its capacity.
	perToken := pageOverhead * float64(memory.Bytes) / float64(opt.SlotCapacity)
	all := int64(perToken * float64(opt.Slots*opt.SlotCapacity))
	b.mu.Lock()
	defer b.mu.Unlock()
	most := b.cache
	if most == 0 {
		if b.limit == 0 {
			return 0, 0, nil
		}
		most = int64(cacheShare * float64(b.left()))
	}
	if most >= all {
		b.reserved += all
		return 0, all, nil
	}
	if tokens = int(float64(most) / perToken); tokens < leastTokens {
		return 0, 0, fmt.Errorf("model %s: a key-value cache of %d MiB has room for %d tokens; %d are the least (--cache-memory, --memory-limit)",
			model.Manifest().Name, max(0, most)>>20, max(0, tokens), leastTokens)
	}
	b.reserved += most
	return tokens, most, nil
}

// giveBack takes back what a model had.
func (b *budget) giveBack(bytes int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reserved -= bytes
}
