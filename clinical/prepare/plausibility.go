package prepare

import (
	"fmt"
	"time"

	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/terms"
)

// plausibility marks readings beyond their measure's soft limits, and pressures of one moment
// that contradict each other. It drops nothing.
func (w *work) plausibility() {
	all := w.readings()
	w.report.Checked = len(all)
	for i := range all {
		if r := &all[i]; !r.lim.plausible(r.value) {
			w.implausible(r, fmt.Sprintf("outside %g to %g %s", r.lim.softLow, r.lim.softHigh, r.lim.code))
		}
	}
	w.pressures(all)
}

func (w *work) implausible(r *reading, reason string) {
	if !w.mark(r.obs, record.MarkImplausible, false) {
		return
	}
	w.note(Change{
		Kind: ChangeImplausible, Reading: r.name(), Component: r.component,
		Before: text(*quantity(&w.obs[r.obs], r.component)), Reason: reason,
	})
}

// moment is when and by what a pressure was taken.
type moment struct {
	at     time.Time
	device string
}

// pressures compares systolic, diastolic and mean pressure of the same moment and device.
func (w *work) pressures(all []reading) {
	systolic, diastolic, mean := terms.Measure("8480-6").Key, terms.Measure("8462-4").Key, terms.Measure("8478-0").Key
	upper := map[moment]*reading{}
	lower := map[moment]*reading{}
	for i := range all {
		switch r := &all[i]; r.key {
		case systolic:
			upper[moment{r.at, r.device}] = r
		case diastolic:
			lower[moment{r.at, r.device}] = r
		}
	}
	for i := range all {
		r := &all[i]
		m := moment{r.at, r.device}
		high, low := upper[m], lower[m]
		switch {
		case r.key == diastolic && high != nil && r.value > high.value:
			w.implausible(r, "diastolic above systolic pressure of the same moment")
			w.implausible(high, "systolic below diastolic pressure of the same moment")
		case r.key == mean && high != nil && low != nil && (r.value > high.value || r.value < low.value):
			w.implausible(r, "mean pressure outside diastolic to systolic of the same moment")
		}
	}
}
