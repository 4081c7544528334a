package prepare

import (
	"slices"
	"time"

	"github.com/bedside-lm/bedside/clinical/record"
)

// Options say what preparation does. The zero value runs every stage with its defaults and
// fills no gaps.
type Options struct {
	// Skip leaves stages out.
	Skip []StageName
	// MaxChanges bounds the changes listed in each report; default 1,000. All are counted.
	MaxChanges int
	// FillInterval is the step of the grid on which gaps are filled, at least a minute; 0 fills none.
	FillInterval time.Duration
	// MaxFilled bounds the readings that the gaps stage makes up for one record; default 20,000.
	MaxFilled int
	// SameMoment is how far apart two devices may file one reading; default 30 s.
	SameMoment time.Duration
	// MaxClockOffset bounds the offset that is looked for between two devices; default 14 h,
	// which is the widest difference between two time zones that people live in.
	MaxClockOffset time.Duration
	// Hampel is the number of scaled median absolute deviations beyond which a reading stands
	// apart from its neighbours; default 3.5 (Iglewicz and Hoaglin 1993, How to Detect and Handle
	// Outliers).
	Hampel float64
	// AssessWaveform says from 0 to 1 how far a waveform is to be trusted, and ok where that can be
	// said; the artefacts stage reports those below MinQuality. Nil assesses none. It must be
	// deterministic and safe for use by several goroutines at once.
	AssessWaveform func(code record.Concept, s *record.SampledData) (quality float64, ok bool) `json:"-"`
	// MinQuality is the quality below which a waveform is reported; default 0.5.
	MinQuality float64
}

// Stages are the names of all stages, in the order in which they run.
func Stages() []StageName {
	names := make([]StageName, len(stages))
	for i, s := range stages {
		names[i] = s.name
	}
	return names
}

func (o Options) withDefaults() Options {
	if o.MaxChanges <= 0 {
		o.MaxChanges = 1000
	}
	if o.MaxFilled <= 0 {
		o.MaxFilled = 20_000
	}
	if o.SameMoment <= 0 {
		o.SameMoment = 30 * time.Second
	}
	if o.MaxClockOffset <= 0 {
		o.MaxClockOffset = 14 * time.Hour
	}
	if o.MinQuality <= 0 {
		o.MinQuality = 0.5
	}
	if o.Hampel <= 0 {
		o.Hampel = 3.5
	}
	return o
}

// stage is one step of the pipeline. Its function works on w and fills w.report.
type stage struct {
	name   StageName
	source string
	run    func(w *work)
}

var stages = []stage{
	{StageUnits, "UCUM 2.1; molar masses by IUPAC 2021; odds from the other readings of the patient", (*work).units},
	{StageClock, "lag of the least median absolute difference between two devices' series; cf. Rousseeuw 1984, doi:10.1080/01621459.1984.10477105", (*work).clock},
	{StageDuplicates, "same measure, moment and value; one-to-one matching of two devices' readings in order of time", (*work).duplicates},
	{StagePlausibility, "soft limits of clinical/prepare/data/measures.tsv, for adults where the age is known; cf. Harutyunyan 2019, doi:10.1038/s41597-019-0103-9", (*work).plausibility},
	{StageArtefacts, "Hampel identifier: Hampel 1974, doi:10.1080/01621459.1974.10482962; Pearson 2002, doi:10.1109/87.974338; limit of Iglewicz and Hoaglin 1993", (*work).artefacts},
	{StageGaps, "between neighbours by the method of least leave-one-out error (Stone 1974, doi:10.1111/j.2517-6161.1974.tb00994.x), else the last observation carried forward, both within a limit for each measure", (*work).gaps},
}

// Run prepares a record, which it does not change. It is deterministic, and what it finds does
// not depend on the order of the observations. A prepared record that is prepared again stays
// as it is.
func Run(rec *record.PatientRecord, opt Options) *Result {
	opt = opt.withDefaults()
	shared := *rec
	w := &work{
		opt: opt, rec: &shared, given: rec.Observations, obs: slices.Clone(rec.Observations),
		owned: make([]bool, len(rec.Observations)), gone: make([]bool, len(rec.Observations)), raw: map[string]*record.Observation{},
		limits: settings().any, concepts: map[concept]known{}, doubtful: map[devices]bool{},
	}
	if adult(rec) {
		w.limits = settings().adult
	}
	res := &Result{Record: w.rec, Raw: w.raw}
	for _, s := range stages {
		if slices.Contains(opt.Skip, s.name) || s.name == StageGaps && opt.FillInterval <= 0 {
			continue
		}
		res.Reports = append(res.Reports, Report{Stage: s.name, Source: s.source, Counts: map[ChangeKind]int{}})
		w.report = &res.Reports[len(res.Reports)-1]
		s.run(w)
	}
	w.rec.Observations = w.remaining()
	return res
}

// adultAge is from when on the limits for adults hold, in years.
const adultAge = 18

// adult says whether the patient is certainly grown up in all of the record.
func adult(rec *record.PatientRecord) bool {
	birth := rec.Patient.BirthDate
	if birth.IsZero() {
		return false
	}
	// A birth date of a year or a month alone may be as late as its end.
	latest := birth.Time
	switch birth.Precision {
	case record.PrecisionYear:
		latest = latest.AddDate(1, 0, 0)
	case record.PrecisionMonth:
		latest = latest.AddDate(0, 1, 0)
	case record.PrecisionNone, record.PrecisionDay, record.PrecisionSecond:
	}
	latest = latest.AddDate(adultAge, 0, 0)
	for i := range rec.Observations {
		if o := &rec.Observations[i]; !o.Start.IsZero() && o.Start.Time.Before(latest) {
			return false
		}
	}
	return true
}

// remaining are the observations that were not merged into others.
func (w *work) remaining() []record.Observation {
	out := make([]record.Observation, 0, len(w.obs))
	for i := range w.obs {
		if i >= len(w.gone) || !w.gone[i] {
			out = append(out, w.obs[i])
		}
	}
	return out
}
