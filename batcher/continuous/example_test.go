package continuous_test

import (
	"fmt"
	"time"

	"github.com/bedside-lm/bedside/batcher/continuous"
)

// Two requests share the model: the long prompt runs in chunks while the short one already decodes.
func Example() {
	s, err := continuous.New(continuous.Config{Slots: 2, TokenBudget: 8, MaxChunk: 5})
	if err != nil {
		fmt.Println(err)
		return
	}
	now := time.Unix(0, 0)
	for _, r := range []continuous.Request{
		{ID: 1, PromptTokens: 12, MaxNewTokens: 1},
		{ID: 2, PromptTokens: 3, MaxNewTokens: 3},
	} {
		if err := s.Admit(now, r); err != nil {
			fmt.Println(err)
		}
	}
	for n := 1; !s.Idle(); n++ {
		plan := s.Plan(now)
		results := make([]continuous.Result, 0, len(plan.Rows))
		for _, row := range plan.Rows {
			fmt.Printf("step %d: request %d, slot %d, tokens %d to %d, samples %v\n",
				n, row.ID, row.Slot, row.Start, row.Start+row.Count-1, row.Samples)
			results = append(results, continuous.Result{ID: row.ID}) // the model would run here
		}
		now = now.Add(20 * time.Millisecond)
		ended, err := s.Complete(now, results)
		if err != nil {
			fmt.Println(err)
			return
		}
		for _, e := range ended {
			fmt.Printf("request %d ended: %v, %d tokens\n", e.ID, e.Reason, e.Generated)
		}
	}
	// Output:
	// step 1: request 1, slot 0, tokens 0 to 4, samples false
	// step 1: request 2, slot 1, tokens 0 to 2, samples true
	// step 2: request 2, slot 1, tokens 3 to 3, samples true
	// step 2: request 1, slot 0, tokens 5 to 9, samples false
	// step 3: request 2, slot 1, tokens 4 to 4, samples true
	// step 3: request 1, slot 0, tokens 10 to 11, samples true
	// request 2 ended: length, 3 tokens
	// request 1 ended: length, 1 tokens
}
