package convert

import (
	"slices"

	"github.com/bedside-lm/bedside/clinical/deid"
	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
)

var deidActions = map[bedsidev1.DeidentificationAction]deid.Action{
	bedsidev1.DeidentificationAction_DEIDENTIFICATION_ACTION_UNSPECIFIED: "",
	bedsidev1.DeidentificationAction_DEIDENTIFICATION_ACTION_KEEP:        deid.Keep,
	bedsidev1.DeidentificationAction_DEIDENTIFICATION_ACTION_REDACT:      deid.Redact,
	bedsidev1.DeidentificationAction_DEIDENTIFICATION_ACTION_GENERALIZE:  deid.Generalize,
	bedsidev1.DeidentificationAction_DEIDENTIFICATION_ACTION_PSEUDONYM:   deid.Pseudonym,
	bedsidev1.DeidentificationAction_DEIDENTIFICATION_ACTION_SHIFT:       deid.Shift,
	bedsidev1.DeidentificationAction_DEIDENTIFICATION_ACTION_HASH:        deid.Hash,
}

// DeidActionToProto gives an action its number.
func DeidActionToProto(a deid.Action) bedsidev1.DeidentificationAction {
	for number, action := range deidActions {
		if action == a && a != "" {
			return number
		}
	}
	return bedsidev1.DeidentificationAction_DEIDENTIFICATION_ACTION_UNSPECIFIED
}

// DeidOptions reads what a request asks for. The error is a *deid.PolicyError.
func DeidOptions(req *bedsidev1.DeidentifyRequest) (deid.Options, error) {
	opt := deid.Options{Lang: deid.Lang(req.GetLanguage()), Patient: req.GetPatientId(), Seal: req.GetReversible()}
	policy := deid.Policy{Default: deidActions[req.GetPolicy().GetDefaultAction()], Actions: map[deid.Type]deid.Action{}}
	for t, a := range req.GetPolicy().GetActions() {
		policy.Actions[deid.Type(t)] = deidActions[a]
	}
	var err error
	if opt.Policy, err = policy.Complete(); err != nil {
		return opt, err
	}
	opt.Known = deid.NewKnown()
	for _, k := range req.GetKnown() {
		switch t := deid.Type(k.GetType()); {
		case t == deid.Name:
			opt.Known.AddName(k.GetValue())
		case slices.Contains(deid.Types(), t):
			opt.Known.AddValue(k.GetValue(), t)
		default:
			return opt, &deid.PolicyError{Field: "known", Reason: "names a type of identifier that there is not"}
		}
	}
	return opt, nil
}

// DeidentifiedToProto writes an answer.
func DeidentifiedToProto(r *deid.Result) *bedsidev1.DeidentifyResponse {
	out := &bedsidev1.DeidentifyResponse{Output: r.Text, Sealed: r.Sealed, Counts: map[string]int32{}}
	for t, n := range r.Counts() {
		out.Counts[string(t)] = int32(n)
	}
	out.Spans = toEach(r.Spans, func(s deid.Span) *bedsidev1.DeidentifiedSpan {
		return &bedsidev1.DeidentifiedSpan{
			Type: string(s.Type), Action: DeidActionToProto(s.Action), Start: int32(s.Start), End: int32(s.End),
			OutputStart: int32(s.OutStart), OutputEnd: int32(s.OutEnd), Path: s.Path,
		}
	})
	return out
}
