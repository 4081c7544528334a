package continuous

import (
	"fmt"
	"time"
)

// Complete answers the plan in flight: one result for each of its rows, in their order. It returns the requests that
// ended with it; the slice is valid until the next call of Plan or Complete. Results that do not match the rows are an
// [*Error] of KindInvalid and change nothing; the plan then stays in flight. A deadline that passed during the step does
// not undo it: the request leaves at the next Plan, if it has not finished. With no plan in flight there are no rows to
// answer, and no results only hands out the ends not yet reported.
func (s *Scheduler) Complete(now time.Time, results []Result) ([]Ended, error) {
	if len(results) != len(s.flight) {
		return nil, invalid("results", fmt.Sprintf("%d results for %d rows in flight", len(results), len(s.flight)))
	}
	for i, r := range results {
		if want := s.flight[i].req.ID; r.ID != want {
			return nil, invalid(fmt.Sprintf("results[%d].id", i), fmt.Sprintf("%d where row %d is of %d", r.ID, i, want))
		}
		if r.Outcome < OutcomeContinue || r.Outcome > OutcomeFail {
			return nil, invalid(fmt.Sprintf("results[%d].outcome", i), fmt.Sprintf("%d is not an outcome", r.Outcome))
		}
		if r.Accepted < 0 || r.Accepted > s.rows[i].Drafted || r.Accepted > 0 && r.Appended > 0 {
			return nil, invalid(fmt.Sprintf("results[%d].accepted", i),
				fmt.Sprintf("%d of %d that were drafted, with %d appended", r.Accepted, s.rows[i].Drafted, r.Appended))
		}
		if reason := s.checkAppended(i, r.Appended); reason != "" {
			return nil, invalid(fmt.Sprintf("results[%d].appended", i), reason)
		}
	}
	s.advance(now)
	for i, r := range results {
		s.completeRow(s.flight[i], s.rows[i], r)
	}
	clear(s.flight) // let ended sequences be collected
	s.flight = s.flight[:0]
	return s.takeEnded(), nil
}

// checkAppended says what is wrong with Result.Appended of row i, or nothing.
func (s *Scheduler) checkAppended(i, appended int) string {
	q := s.flight[i]
	switch {
	case appended == 0:
		return ""
	case appended < 0 || !s.rows[i].Samples:
		return fmt.Sprintf("%d in a row that does not sample, or negative", appended)
	case appended > q.req.MaxNewTokens-q.sampled-1:
		return fmt.Sprintf("%d goes beyond the %d tokens that may follow", appended, q.req.MaxNewTokens-q.sampled-1)
	case s.cfg.PaddedCapacity == s.cfg.SlotCapacity:
		return "needs a padded_capacity of more than slot_capacity"
	}
	return ""
}

func (s *Scheduler) completeRow(q *sequence, row Row, result Result) {
	switch {
	case q.state == cancelled:
		s.end(q, ReasonCancelled)
		return
	case result.Outcome == OutcomeFail:
		s.end(q, ReasonFailed)
		return
	}
	q.state = running
	q.past += row.Count + result.Accepted
	if row.Samples {
		q.sampled += 1 + result.Accepted + result.Appended
	}
	switch {
	case result.Outcome == OutcomeStop:
		s.end(q, ReasonStop)
	case q.past >= q.req.PromptTokens && q.sampled == q.req.MaxNewTokens: // what was appended need not be run
		s.end(q, ReasonLength)
	}
}
