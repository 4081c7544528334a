package dynamic

import (
	"container/heap"
	"time"
)

// timers holds the entries that something will happen to by itself, the earliest first.
type timers []*Entry

func (t timers) Len() int { return len(t) }

func (t timers) Less(i, j int) bool {
	if c := t[i].due.Compare(t[j].due); c != 0 {
		return c < 0
	}
	return t[i].seq < t[j].seq
}

func (t timers) Swap(i, j int) {
	t[i], t[j] = t[j], t[i]
	t[i].timer, t[j].timer = i, j
}

// Push is for package heap.
func (t *timers) Push(x any) {
	e, _ := x.(*Entry)
	e.timer = len(*t)
	*t = append(*t, e)
}

// Pop is for package heap.
func (t *timers) Pop() any {
	last := len(*t) - 1
	e := (*t)[last]
	(*t)[last] = nil
	*t = (*t)[:last]
	e.timer = -1
	return e
}

// set makes due e's time; the zero time means that nothing will happen.
func (t *timers) set(e *Entry, due time.Time) {
	if due.Equal(e.due) && (e.timer >= 0) == !due.IsZero() {
		return
	}
	e.due = due
	switch {
	case e.timer < 0 && !due.IsZero():
		heap.Push(t, e)
	case e.timer >= 0 && due.IsZero():
		heap.Remove(t, e.timer)
	case e.timer >= 0:
		heap.Fix(t, e.timer)
	}
}

// passed returns the first entry whose time has come, or nil.
func (t timers) passed(now time.Time) *Entry {
	if len(t) == 0 || now.Before(t[0].due) {
		return nil
	}
	return t[0]
}
