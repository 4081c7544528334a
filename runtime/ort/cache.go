package ort

import (
	"fmt"

	onnx "github.com/yalue/onnxruntime_go"
)

const float32Bytes = 4

// cacheShape sizes a cache.
type cacheShape struct {
	layers, slots, heads int
	places               int // tokens that one slot has room for
	dim                  int

	element      onnx.TensorElementDataType
	elementBytes int
}

func (s cacheShape) blocks() int     { return 2 * s.layers } // key, value
func (s cacheShape) slotBytes() int  { return s.heads * s.places * s.dim * s.elementBytes }
func (s cacheShape) blockBytes() int { return s.slots * s.slotBytes() }

// slotCache is the key-value memory of all slots. Layer l's keys are one block
// [slots, heads, places, dim], its values the next; a contiguous range of
// slots of a block is a tensor of its own, so a batch needs no copying.
type slotCache struct {
	cacheShape
	memory *region

	// views holds the tensors of the ranges used lately, one a block. They serve as past
	// and present alike: one value at both ends is what keeps the kernel from copying.
	views map[slotRange][]onnx.Value
}

type slotRange struct{ low, span int }

// maxViews bounds the cached ranges; a server in steady state uses few.
const maxViews = 128

func newSlotCache(shape cacheShape) (*slotCache, error) {
	c := &slotCache{cacheShape: shape, views: map[slotRange][]onnx.Value{}}
	memory, err := newRegion(c.blocks() * c.blockBytes())
	if err != nil {
		return nil, fmt.Errorf("key-value cache of %d slots of %d tokens: %w", c.slots, c.places, err)
	}
	c.memory = memory
	return c, nil
}

func (c *slotCache) memoryOfSlot() SlotMemory {
	return SlotMemory{Bytes: c.blocks() * c.slotBytes(), Padded: true}
}

// tensors returns the cache of slots [low, low+span), block by block. They stay valid
// until the next call.
func (c *slotCache) tensors(low, span int) ([]onnx.Value, error) {
	key := slotRange{low, span}
	if v, ok := c.views[key]; ok {
		return v, nil
	}
	if len(c.views) >= maxViews {
		if err := c.dropViews(); err != nil {
			return nil, err
		}
	}
	shape := onnx.NewShape(int64(span), int64(c.heads), int64(c.places), int64(c.dim))
	values := make([]onnx.Value, 0, c.blocks())
	c.views[key] = values
	for b := range c.blocks() {
		from := b*c.blockBytes() + low*c.slotBytes()
		t, err := onnx.NewCustomDataTensor(shape, c.memory.bytes[from:from+span*c.slotBytes()], c.element)
		if err != nil {
			return nil, fmt.Errorf("cache tensor: %w", err)
		}
		values = append(values, t)
		c.views[key] = values
	}
	return values, nil
}

func (c *slotCache) dropViews() error {
	var first error
	for key, values := range c.views {
		for _, v := range values {
			if err := v.Destroy(); err != nil && first == nil {
				first = err
			}
		}
		delete(c.views, key)
	}
	return first
}

// release forgets what a slot holds and gives its memory back.
func (c *slotCache) release(slot int) error {
	for b := range c.blocks() {
		if err := c.memory.release(b*c.blockBytes()+slot*c.slotBytes(), c.slotBytes()); err != nil {
			return fmt.Errorf("release slot %d: %w", slot, err)
		}
	}
	return nil
}

func (c *slotCache) close() error {
	err := c.dropViews()
	if e := c.memory.free(); err == nil {
		err = e
	}
	return err
}
