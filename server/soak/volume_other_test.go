//go:build !linux

package soak

import "errors"

func mount(string, int) error { return errors.ErrUnsupported }

func unmount(string) error { return nil }

func fill(string) (func() error, error) { return nil, errors.ErrUnsupported }
