package server

import (
	"github.com/bedside-lm/bedside/server/audit"
	"github.com/bedside-lm/bedside/server/auth"
)

// guard sets up who may call and where it is written down, and says what is left open.
func (s *Server) guard() (err error) {
	if s.gate, err = auth.New(auth.Options{Config: s.cfg.Security, Logger: s.log}); err != nil {
		return err
	}
	if s.cfg.AuditDir != "" {
		s.audit, err = audit.Open(audit.Options{
			Dir: s.cfg.AuditDir, KeyFile: s.cfg.AuditKeyFile, MaxBytes: s.cfg.AuditMaxBytes, Version: s.cfg.Version, Logger: s.log,
		})
	}
	if s.cfg.Listen == "" {
		return err
	}
	switch {
	case !s.gate.Asks() && s.cfg.Expose:
		s.log.Warn("callers are not authenticated, and --expose lets others than this machine call: whoever reaches the port may do anything")
	case !s.gate.Asks():
		s.log.Warn("callers are not authenticated, so the gRPC port is reached from this machine alone", "help", "--callers-file or --jwt-jwks, with --tls-cert")
	case s.cfg.TLSCert == "":
		s.log.Warn("the gRPC port is not encrypted: whoever listens on the way reads tokens and records", "help", "--tls-cert and --tls-key")
	}
	if s.audit == nil && s.gate.Asks() {
		s.log.Warn("no audit log is kept", "help", "--audit-dir")
	}
	return err
}

// unguard closes what guard opened. The audit goes last: all that was called is in it.
func (s *Server) unguard() error {
	if s.gate != nil {
		s.gate.Close()
	}
	if s.audit == nil {
		return nil
	}
	return s.audit.Close()
}
