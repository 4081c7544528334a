package ort

import "golang.org/x/sys/unix"

const mapNoReserve = unix.MAP_NORESERVE

func discard(b []byte) error { return unix.Madvise(b, unix.MADV_DONTNEED) }
