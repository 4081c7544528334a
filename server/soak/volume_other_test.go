//go:build !linux

package soak

import (
	"errors"
	"syscall"
)

func mount(string, int) error { return errors.ErrUnsupported }

func orphans() *syscall.SysProcAttr { return nil }

func unmount(string) error { return nil }

func fill(string) (func() error, error) { return nil, errors.ErrUnsupported }
