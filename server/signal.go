package server

import (
	"context"

	"github.com/bedside-lm/bedside/clinical/signal"
	"github.com/bedside-lm/bedside/clinical/terms"
	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
	"github.com/bedside-lm/bedside/server/convert"
)

// signalNotice says what every description is and is not.
var signalNotice = map[terms.Lang]string{
	terms.English: "Measured from the signal alone. It supports a clinician and decides nothing.",
	terms.Chinese: "仅由信号本身测得，供临床医生参考，不作任何决定。",
}

func (s *preparationService) DescribeSignal(ctx context.Context, req *bedsidev1.DescribeSignalRequest) (*bedsidev1.DescribeSignalResponse, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	lang := terms.Lang(req.GetLanguage())
	if lang == "" {
		lang = terms.English
	}
	descriptions, notices, err := convert.DescribeSignal(req.GetSource(), lang, signal.Describe)
	if err != nil {
		return nil, err
	}
	return &bedsidev1.DescribeSignalResponse{
		Language: string(lang), Descriptions: convert.DescriptionsToProto(descriptions), Warnings: convert.WarningsToProto(notices),
		Notice: signalNotice[lang],
	}, nil
}
