package signal

import "github.com/bedside-lm/bedside/clinical/record"

// The kinds of notice that readers of signal files add to those of package record.
const (
	// NoticeChecksum: the samples are not those whose checksum the header gives.
	NoticeChecksum record.NoticeKind = "checksum"
	// NoticeUncalibrated: no gain was filed, so the unit of the samples is assumed.
	NoticeUncalibrated record.NoticeKind = "uncalibrated"
	// NoticeGap: the recording has gaps, filled with NaN.
	NoticeGap record.NoticeKind = "gap"
	// NoticeTruncated: the file ends before what its header announces.
	NoticeTruncated record.NoticeKind = "truncated"
	// NoticeTimeZone: the time of the start was filed without a zone, and is taken as UTC.
	NoticeTimeZone record.NoticeKind = "time-zone"
	// NoticeFormat: the file breaks its format in a way that does not change what is read.
	NoticeFormat record.NoticeKind = "format"
)
