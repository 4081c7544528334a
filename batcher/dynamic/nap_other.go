//go:build !linux

package dynamic

import "time"

// napLimit of 0: the timers keep short times by themselves.
const napLimit = time.Duration(0)

func nap(time.Duration) {}
