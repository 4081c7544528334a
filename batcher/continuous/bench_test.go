package continuous

import (
	"testing"
	"time"
)

// A full machine: 64 sequences run, 1,000 wait, each with a deadline. One iteration is one step.
func BenchmarkStep(b *testing.B) {
	for _, c := range []struct {
		name      string
		newTokens int
	}{
		{"decode", 1 << 23}, // nobody ends
		{"churn", 64},       // one request ends and one starts in each step, on average
	} {
		b.Run(c.name, func(b *testing.B) {
			s, err := New(Config{SlotCapacity: 1 << 24, MaxQueue: 1000, TokenBudget: 512})
			if err != nil {
				b.Fatal(err)
			}
			now, id := time.Unix(1000, 0), uint64(0)
			fill := func() {
				for s.Stats().Waiting < 1000 {
					id++
					r := Request{ID: id, PromptTokens: 1 + int(id)%200, MaxNewTokens: c.newTokens, Priority: int(id % 4)}
					r.Deadline = now.Add(time.Hour)
					if err := s.Admit(now, r); err != nil {
						b.Fatal(err)
					}
				}
			}
			results := make([]Result, 0, 64)
			step := func() {
				now = now.Add(time.Millisecond)
				results = results[:0]
				for _, r := range s.Plan(now).Rows {
					results = append(results, Result{ID: r.ID})
				}
				if _, err := s.Complete(now, results); err != nil {
					b.Fatal(err)
				}
				if c.newTokens < 1<<23 {
					fill()
				}
			}
			fill()
			for range 200 { // fill the slots, run the prompts
				step()
			}
			fill()
			b.ReportAllocs()
			for b.Loop() {
				step()
			}
		})
	}
}
