package diagnosis

import (
	"fmt"
	"time"

	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/score"
	"github.com/bedside-lm/bedside/clinical/terms"
)

// RedFlag is something that cannot wait for a diagnosis.
type RedFlag struct {
	Text     string
	Evidence []string
	Source   string
}

// Source of NEWS2 and of what its bands ask for.
const news2Source = "Royal College of Physicians. National Early Warning Score (NEWS) 2, 2017"

// What is said of a band: the score, when that was, and the latest score.
var news2Words = map[score.Band]map[terms.Lang]string{
	score.BandHigh: {
		terms.English: "NEWS2 at least %d at %s (latest: at least %d): it calls for an emergency response",
		terms.Chinese: "NEWS2 至少 %d 分（%s；最近一次至少 %d 分）：需要紧急响应",
	},
	score.BandMedium: {
		terms.English: "NEWS2 at least %d at %s (latest: at least %d): it calls for an urgent review",
		terms.Chinese: "NEWS2 至少 %d 分（%s；最近一次至少 %d 分）：需要紧急评估",
	},
	score.BandLowMedium: {
		terms.English: "NEWS2 at least %d at %s (latest: at least %d), 3 of it for one vital sign alone: it calls for an urgent review",
		terms.Chinese: "NEWS2 至少 %d 分（%s；最近一次至少 %d 分），其中单项生命体征 3 分：需要紧急评估",
	},
}

// redFlags looks for the gravest vital signs of the record's last day, whatever window the model is shown.
func redFlags(rec *record.PatientRecord, lang terms.Lang) []RedFlag {
	readings := score.Read(rec)
	moments := readings.Moments(score.KindNEWS2)
	if len(moments) == 0 {
		return nil
	}
	last := moments[len(moments)-1]
	latest := readings.NEWS2(last, score.Options{})
	worst := latest
	for _, at := range moments {
		if last.Sub(at) > 24*time.Hour {
			continue
		}
		if res := readings.NEWS2(at, score.Options{}); res.Total > worst.Total || res.Total == worst.Total && res.HasThree() && !worst.HasThree() {
			worst = res
		}
	}
	words := news2Words[worst.LeastBand()]
	if words == nil || worst.Excluded != score.ExclusionNone {
		return nil
	}
	text := fmt.Sprintf(words[lang], worst.Total, worst.At.Format("2006-01-02 15:04"), latest.Total)
	return []RedFlag{{Text: text, Evidence: worst.Evidence(), Source: news2Source}}
}
