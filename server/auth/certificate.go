package auth

import (
	"context"
	"crypto/x509"
	"strings"
	"time"

	"github.com/spiffe/go-spiffe/v2/spiffeid"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"
)

func isSPIFFE(name string) bool { return strings.HasPrefix(name, "spiffe://") }

// certificateOf gives the client certificate that the connection's handshake verified, nil without one.
func certificateOf(ctx context.Context) *x509.Certificate {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return nil
	}
	info, ok := p.AuthInfo.(credentials.TLSInfo)
	if !ok || len(info.State.VerifiedChains) == 0 || len(info.State.PeerCertificates) == 0 {
		return nil
	}
	return info.State.PeerCertificates[0]
}

// nameOf is what a certificate calls its holder: its SPIFFE ID where it has one, else its subject. A connection may
// outlive its certificate, so its time is looked at with every call.
func nameOf(cert *x509.Certificate, now time.Time) (string, error) {
	if now.After(cert.NotAfter) {
		return "", unauthenticated("the client certificate has expired")
	}
	if len(cert.URIs) == 0 || cert.URIs[0].Scheme != "spiffe" {
		return cert.Subject.String(), nil
	}
	// An X.509-SVID has exactly one URI (SPIFFE's X509-SVID specification, section 2).
	id, err := spiffeid.FromURI(cert.URIs[0])
	if err != nil || len(cert.URIs) != 1 {
		return "", unauthenticated("the client certificate's SPIFFE ID is not valid")
	}
	return id.String(), nil
}
