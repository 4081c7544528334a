//go:build !faults

package main

import "github.com/bedside-lm/bedside/server"

var startServer = server.Start
