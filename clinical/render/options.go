package render

import (
	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/terms"
)

// Style is how much room a fact is given.
type Style int

// The styles. Both tell the same facts.
const (
	StyleFull    Style = iota // whole sentences
	StyleCompact              // one short line a fact, with the abbreviations of the table of terms
)

// Options say how a record is rendered. The zero value is English with the defaults.
type Options struct {
	Lang Lang
	// Now is the moment that ages are computed for; by default the latest time in
	// the record, so that the same record always gives the same text.
	Now record.DateTime
	// MaxFacts bounds each section; default 64. Critical facts are kept first.
	MaxFacts int
	// OmitFreeText leaves out report conclusions, dosage texts and text values.
	// They are quoted as filed and may hold what a person typed.
	OmitFreeText bool

	// Part says that the record is a stretch of a longer one: its last values are not called the latest.
	Part bool

	Style Style
	// RelativeTimes gives times as they lie from admission ("+6 h", "day 3") instead of by the
	// clock. Months and years stay as they were filed. Without an admission on record times
	// stay by the clock, and NoticeNoAdmission says so.
	RelativeTimes bool
	// Derived adds what is computed from the readings: early-warning scores with their parts,
	// excursions beyond limits, slopes and variability.
	Derived bool
	// Alarms are the limits that excursions are counted against, by terms.Entry.Key and in the
	// entry's unit; by default the reference range.
	Alarms map[string]terms.Bounds
	// TokenBudget is the most tokens that Document.Text may have; 0 for no limit. Whole facts
	// are left out, the least informative first, critical ones never.
	TokenBudget int
	// CountTokens counts the tokens of a text; default EstimateTokens.
	CountTokens func(string) int
}

// The kinds of notice that rendering adds.
const (
	// NoticeTruncated says that a section had more facts than Options.MaxFacts.
	NoticeTruncated record.NoticeKind = "truncated"
	// NoticeOmitted says how many facts Options.TokenBudget left no room for.
	NoticeOmitted record.NoticeKind = "omitted"
	// NoticeOverBudget says that the critical facts alone are longer than Options.TokenBudget.
	NoticeOverBudget record.NoticeKind = "over-budget"
	// NoticeNoAdmission says that times could not be given relative to admission.
	NoticeNoAdmission record.NoticeKind = "no-admission"
)

const (
	defaultMaxFacts = 64
	maxNotices      = 100
	maxListed       = 512 // numbers, dates and evidence listed with one fact
)
