package auth

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"net"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/bedside-lm/bedside/server/config"
	"github.com/bedside-lm/bedside/server/secret"
)

const maxPEM = 4 << 20

// readTLS reads the files of TLS, one after the other, each after its length.
func readTLS(cfg *config.Security) ([]byte, error) {
	key, err := secret.Read("tls-key", cfg.TLSKey)
	if err != nil {
		return nil, err
	}
	cert, err := secret.ReadPublic("tls-cert", cfg.TLSCert, maxPEM)
	if err != nil {
		return nil, err
	}
	out := append(prefixed(nil, cert), prefixed(nil, key)...)
	if cfg.TLSClientCA == "" {
		return out, nil
	}
	ca, err := secret.ReadPublic("tls-client-ca", cfg.TLSClientCA, maxPEM)
	return prefixed(out, ca), err
}

func prefixed(to, data []byte) []byte {
	return append(binary.BigEndian.AppendUint32(to, uint32(len(data))), data...)
}

func next(data []byte) (first, rest []byte) {
	n := binary.BigEndian.Uint32(data)
	return data[4 : 4+n], data[4+n:]
}

// parseTLS makes a configuration of what readTLS read. Each has session tickets of its own, so that nobody resumes a
// session that authorities since withdrawn let in.
func parseTLS(data []byte) (*tls.Config, error) {
	certPEM, data := next(data)
	keyPEM, data := next(data)
	// Its error says which of the two is wrong, and quotes neither.
	cert, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return nil, &config.Error{Setting: "tls-cert", Reason: "does not go with --tls-key: " + err.Error()}
	}
	out := &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2"}}
	if len(data) == 0 {
		return out, nil
	}
	caPEM, _ := next(data)
	out.ClientCAs = x509.NewCertPool()
	if !out.ClientCAs.AppendCertsFromPEM(caPEM) {
		return nil, &config.Error{Setting: "tls-client-ca", Reason: "names a file that holds no certificate in PEM form"}
	}
	// Callers with a token need none, and probes have neither.
	out.ClientAuth = tls.VerifyClientCertIfGiven
	return out, nil
}

// portCredentials encrypts what comes over the network, and leaves alone what comes from within the process.
type portCredentials struct {
	credentials.TransportCredentials // TLS
	inside                           credentials.TransportCredentials
}

func newPortCredentials(current func() *tls.Config) credentials.TransportCredentials {
	return &portCredentials{inside: insecure.NewCredentials(), TransportCredentials: credentials.NewTLS(&tls.Config{
		MinVersion: tls.VersionTLS12, NextProtos: []string{"h2"},
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return current(), nil },
	})}
}

func (c *portCredentials) ServerHandshake(conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	if withinProcess(conn.RemoteAddr()) {
		return c.inside.ServerHandshake(conn)
	}
	return c.TransportCredentials.ServerHandshake(conn)
}

func (c *portCredentials) ClientHandshake(context.Context, string, net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return nil, nil, net.ErrClosed // a server's
}

func (c *portCredentials) Clone() credentials.TransportCredentials {
	return &portCredentials{TransportCredentials: c.TransportCredentials.Clone(), inside: c.inside.Clone()}
}

// withinProcess says whether a connection is one of google.golang.org/grpc/test/bufconn: no network gives addresses of
// that kind.
func withinProcess(addr net.Addr) bool { return addr != nil && addr.Network() == "bufconn" }
