//go:build !linux

package ort

const mapNoReserve = 0

// discard zeroes: only Linux promises zeros after giving pages back.
func discard(b []byte) error {
	clear(b)
	return nil
}
