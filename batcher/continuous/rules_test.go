package continuous

import (
	"slices"
	"time"
)

// checkRows holds a plan's rows against the rules, and follows them.
func (w *world) checkRows(rows []Row) {
	w.t.Helper()
	in, waits := w.started()
	total, width, starts := 0, 0, 0
	kind := 0
	turns := min(len(in), w.cfg.TokenBudget) // at least half of it where tokens were appended
	seen := map[int]bool{}
	for i, r := range rows {
		o := w.live[r.ID]
		if o == nil || o.cancelled || seen[r.Slot] {
			w.t.Fatalf("row %d %+v: request unknown or cancelled, or its slot twice", i, r)
		}
		seen[r.Slot] = true
		k := 0 // decoding row
		switch {
		case o.slot < 0:
			k = 2
			w.checkStart(r, o, waits[starts])
			starts++
		case o.past < o.req.PromptTokens:
			k = 1
		}
		if k < kind && w.needs(in) <= w.cfg.TokenBudget {
			w.t.Fatalf("row %d %+v: out of order (kind %d after %d)", i, r, k, kind)
		}
		kind = max(kind, k)
		w.checkRow(r, o)
		total += r.Count
		width = max(width, r.Count)
	}
	if pair := w.cfg.TokenBudget == 1 && w.appends != nil && len(rows) == 1 && total == 2; total > w.cfg.TokenBudget && !pair {
		w.t.Fatalf("%d tokens, the budget is %d", total, w.cfg.TokenBudget)
	}
	for _, r := range rows {
		if w.cfg.PaddedCapacity > 0 && r.Start+width > w.cfg.PaddedCapacity {
			w.t.Fatalf("row %+v padded to %d passes %d", r, width, w.cfg.PaddedCapacity)
		}
	}
	if n := len(rows) - starts; n != turns && (w.appends == nil || n < turns/2 || n > len(in) || w.needs(in) <= w.cfg.TokenBudget) {
		w.t.Fatalf("%d of %d running rows run, budget %d", n, len(in), w.cfg.TokenBudget)
	}
	if starts < len(waits) && len(in)+starts < w.cfg.Slots && total < w.cfg.TokenBudget && w.needs(in) <= w.cfg.TokenBudget {
		w.t.Fatalf("%d requests wait beside free slots and %d unspent tokens", len(waits)-starts, w.cfg.TokenBudget-total)
	}
	w.checkDrafted(rows, total)
	w.checkNoneLate()
}

// checkDrafted: guesses only behind a token that was sampled, in short steps, and as far as there is room.
func (w *world) checkDrafted(rows []Row, total int) {
	w.t.Helper()
	drafted := 0
	for _, r := range rows {
		o := w.live[r.ID]
		if r.Drafted < 0 || r.Drafted > 0 && (!r.Samples || r.Count != 1 || o.sampled == 0 ||
			o.sampled+1+r.Drafted > o.req.MaxNewTokens || r.Start+1+r.Drafted > w.cfg.SlotCapacity) {
			w.t.Fatalf("row %+v has guesses where it cannot", r)
		}
		drafted += r.Drafted
	}
	if drafted > 0 && total+drafted > w.cfg.DraftTokens {
		w.t.Fatalf("%d tokens with %d guesses, where %d may have any", total, drafted, w.cfg.DraftTokens)
	}
}

// needs is the least that the running rows need together.
func (w *world) needs(in []*oracle) (total int) {
	for _, o := range in {
		total += o.need()
	}
	return total
}

func (w *world) checkStart(r Row, o, next *oracle) {
	w.t.Helper()
	if o != next {
		w.t.Fatalf("request %d starts, request %d was first", r.ID, next.req.ID)
	}
	lowest := 0
	for slices.ContainsFunc(w.holders(), func(h *oracle) bool { return h.slot == lowest }) {
		lowest++
	}
	if r.Slot != lowest || r.Start != 0 {
		w.t.Fatalf("%+v starts elsewhere than at 0 in the lowest free slot %d", r, lowest)
	}
	o.slot = r.Slot
}

func (w *world) holders() []*oracle {
	in, _ := w.started()
	return in
}

func (w *world) checkRow(r Row, o *oracle) {
	w.t.Helper()
	end := r.Start + r.Count
	switch {
	case r.Slot != o.slot || r.Slot >= w.cfg.Slots:
		w.t.Fatalf("%+v is not in slot %d", r, o.slot)
	case r.Start != o.past || r.Count < 1 || end > o.known():
		w.t.Fatalf("%+v does not continue %d of %d known tokens", r, o.past, o.known())
	case end > w.cfg.SlotCapacity || r.Count > w.cfg.MaxChunk && (r.Count > 2 || o.need() < 2):
		w.t.Fatalf("%+v passes the slot's capacity or the largest chunk", r)
	case r.Samples != (o.req.MaxNewTokens > 0 && end == o.known()):
		w.t.Fatalf("%+v: wrong Samples with %d known tokens", r, o.known())
	case o.sampled > 0 && w.appends == nil && (r.Count != 1 || r.Start != o.req.PromptTokens+o.sampled-1):
		w.t.Fatalf("%+v is not the one token after %d sampled", r, o.sampled)
	case o.sampled > 0 && r.Count < o.need():
		w.t.Fatalf("%+v runs a sampled token without what was appended to it", r)
	}
}

// checkNoneLate runs right after a plan that could end every late request.
func (w *world) checkNoneLate() {
	w.t.Helper()
	for id, o := range w.live {
		if !o.req.Deadline.IsZero() && !w.now.Before(o.req.Deadline) {
			w.t.Fatalf("request %d is past its deadline and still there", id)
		}
	}
}

func (w *world) checkEnded(e Ended, allowed ...Reason) {
	w.t.Helper()
	o := w.live[e.ID]
	if o == nil {
		w.t.Fatalf("%+v: unknown, or ended before", e)
	}
	delete(w.live, e.ID)
	var right bool
	switch e.Reason {
	case ReasonDisplaced: // there is one tenant alone, whom nobody displaces
	case ReasonExpired:
		right = !o.cancelled && !o.req.Deadline.IsZero() && !w.now.Before(o.req.Deadline)
	case ReasonCancelled:
		right = o.cancelled
		allowed = []Reason{ReasonCancelled}
	case ReasonFailed:
		right = !o.cancelled && o.outcome == OutcomeFail
	case ReasonStop:
		right = !o.cancelled && o.outcome == OutcomeStop
	case ReasonLength:
		right = !o.cancelled && o.outcome == OutcomeContinue && (o.left() == 0 || w.appends != nil) && o.sampled == o.req.MaxNewTokens
	}
	if !right || !slices.Contains(allowed, e.Reason) || e.Slot != o.slot || e.Generated != o.sampled {
		w.t.Fatalf("%+v does not fit %+v", e, *o)
	}
}

// checkTotals holds Stats and NextDeadline against what the test counted.
func (w *world) checkTotals() {
	w.t.Helper()
	in, waits := w.started()
	want := Stats{
		Waiting: len(waits), Running: len(in), SlotsFree: w.cfg.Slots - len(in),
		TokenCapacity: w.cfg.Slots * w.cfg.SlotCapacity, Draining: w.drain,
	}
	for _, o := range in {
		want.TokensInUse += o.past
		want.ActiveSlots = max(want.ActiveSlots, o.slot+1)
	}
	for _, r := range w.flight {
		want.InFlight += r.Count
	}
	if got := w.s.Stats(); got != want {
		w.t.Fatalf("Stats() = %+v, want %+v", got, want)
	}
	if len(waits) > w.cfg.MaxQueue {
		w.t.Fatalf("%d wait, the queue holds %d", len(waits), w.cfg.MaxQueue)
	}
	var earliest time.Time
	for _, o := range w.live {
		d := o.req.Deadline
		if !o.cancelled && !d.IsZero() && (earliest.IsZero() || d.Before(earliest)) {
			earliest = d
		}
	}
	if got, ok := w.s.NextDeadline(); ok == earliest.IsZero() || !got.Equal(earliest) {
		w.t.Fatalf("NextDeadline() = %v, %v, want %v", got, ok, earliest)
	}
}
