package auth_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"

	"github.com/bedside-lm/bedside/server/auth"
	"github.com/bedside-lm/bedside/server/auth/authtest"
	"github.com/bedside-lm/bedside/server/config"
	"github.com/bedside-lm/bedside/server/tenant"
)

func TestAPIKeys(t *testing.T) {
	path := filepath.Join(t.TempDir(), "callers.yaml")
	now := time.Now()
	key, err := auth.NewKey(path, auth.KeyHolder{Subject: "gateway", Roles: []auth.Role{auth.Integrator}, Tenant: "ward-3"}, now)
	require.NoError(t, err)
	past, err := auth.NewKey(path, auth.KeyHolder{Roles: []auth.Role{auth.Operator}, Expires: now.Add(-time.Minute)}, now)
	require.NoError(t, err)
	file, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Len(t, strings.Split(strings.TrimSpace(string(file)), "\n"), 2)
	require.NotContains(t, string(file), strings.SplitN(key, "_", 3)[2])

	g := gate(t, config.Security{CallersFile: path})
	id, err := g.Admit(bearer(key), "/bedside.v1.KnowledgeGraphService/Export")
	require.NoError(t, err)
	require.Equal(t, auth.Identity{Subject: "gateway", Roles: []auth.Role{auth.Integrator}, Tenant: "ward-3", Method: auth.ByAPIKey}, id)
	_, err = g.Admit(bearer(key), search)
	refused(t, err, auth.Denied, "clinician")
	for name, wrong := range map[string]string{
		"changed": key[:len(key)-1] + "!", "cut": key[:len(key)-1], "of another id": "bsk_0011223344556677" + key[20:], "half": key[:20], "empty": "bsk_",
	} {
		_, err := g.Admit(bearer(wrong), listAll)
		t.Run(name, func(t *testing.T) { refused(t, err, auth.Unauthenticated, "API key is not known") })
	}
	_, err = g.Admit(bearer(past), listAll)
	refused(t, err, auth.Unauthenticated, "expired")
	_, err = g.Admit(bearer("eyJ.eyJ.x"), listAll)
	refused(t, err, auth.Unauthenticated, "takes no such token")

	// Another key is known soon after it was added, and none after its line is gone.
	another, err := auth.NewKey(path, auth.KeyHolder{Roles: auth.Roles()}, now)
	require.NoError(t, err)
	eventually(t, func() bool { _, err := g.Admit(bearer(another), listAll); return err == nil })
	authtest.Write(t, filepath.Dir(path), filepath.Base(path), nil)
	eventually(t, func() bool { _, err := g.Admit(bearer(another), listAll); return err != nil })
}

func TestNewKeyAddsToNothingThatIsWrong(t *testing.T) {
	dir := t.TempDir()
	path := authtest.Write(t, dir, "callers.yaml", []byte("- {certificate: CN=a, roles: [auditor]} # no line feed"))
	_, err := auth.NewKey(path, auth.KeyHolder{Roles: []auth.Role{"janitor"}}, time.Now())
	require.ErrorContains(t, err, "entry 2: roles must be some of clinician, integrator, operator, auditor")
	_, err = auth.NewKey(path, auth.KeyHolder{Roles: auth.Roles(), Tenant: "two words"}, time.Now())
	require.ErrorContains(t, err, "tenant")
	_, err = auth.NewKey(path, auth.KeyHolder{Roles: auth.Roles()}, time.Now())
	require.NoError(t, err)
	require.NoError(t, os.Chmod(path, 0o644))
	_, err = auth.NewKey(path, auth.KeyHolder{Roles: auth.Roles()}, time.Now())
	require.ErrorContains(t, err, "chmod 600")
	broken := authtest.Write(t, dir, "broken.yaml", []byte("callers: 7\n"))
	_, err = auth.NewKey(broken, auth.KeyHolder{Roles: auth.Roles()}, time.Now())
	require.ErrorContains(t, err, "nothing was added")
}

// connected is the context of a call over a connection whose handshake verified a certificate.
func connected(cert tls.Certificate, verified bool) context.Context {
	leaf, _ := x509.ParseCertificate(cert.Certificate[0])
	info := credentials.TLSInfo{State: tls.ConnectionState{PeerCertificates: []*x509.Certificate{leaf}}}
	if verified {
		info.State.VerifiedChains = [][]*x509.Certificate{{leaf}}
	}
	return peer.NewContext(context.Background(), &peer.Peer{Addr: &net.TCPAddr{}, AuthInfo: info})
}

func TestCertificates(t *testing.T) {
	ca := authtest.NewCA(t)
	path := authtest.Write(t, t.TempDir(), "callers.yaml", []byte(`
- {certificate: "spiffe://hospital.example/ward-3/monitor", roles: [integrator], tenant: ward-3}
- {certificate: "CN=station,O=Test", subject: station-7, roles: [clinician, operator]}
`))
	g := gate(t, config.Security{CallersFile: path})
	id, err := g.Admit(connected(ca.Client("any", "spiffe://hospital.example/ward-3/monitor"), true), "/bedside.v1.KnowledgeGraphService/Export")
	require.NoError(t, err)
	require.False(t, id.Expires.IsZero(), "the certificate's end")
	id.Expires = time.Time{}
	require.Equal(t, auth.Identity{
		Subject: "spiffe://hospital.example/ward-3/monitor", Roles: []auth.Role{auth.Integrator}, Tenant: "ward-3", Method: auth.ByCertificate,
	}, id)
	id, err = g.Admit(connected(ca.Client("station", ""), true), search)
	require.NoError(t, err)
	require.Equal(t, "station-7", id.Subject)
	_, err = g.Admit(connected(ca.Client("station", "spiffe://hospital.example/other"), true), search)
	refused(t, err, auth.Denied, "has no role here")
	_, err = g.Admit(connected(ca.Client("station", "spiffe://Hospital.example/a//b"), true), search)
	refused(t, err, auth.Unauthenticated, "SPIFFE ID is not valid")
	_, err = g.Admit(connected(ca.Client("station", ""), false), search)
	refused(t, err, auth.Unauthenticated, "asks who is calling")
	ctx := metadata.NewIncomingContext(connected(ca.Client("station", ""), true), metadata.Pairs("authorization", "Bearer bsk_1_2"))
	_, err = g.Admit(ctx, search)
	refused(t, err, auth.Unauthenticated, "API key is not known")

	later, err := auth.New(auth.Options{
		Config: config.Security{CallersFile: path}, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Now: func() time.Time { return time.Now().Add(2 * time.Hour) },
	})
	require.NoError(t, err)
	defer later.Close()
	_, err = later.Admit(connected(ca.Client("station", ""), true), search)
	refused(t, err, auth.Unauthenticated, "certificate has expired")
}

func TestNobodyIsAskedWithoutCredentials(t *testing.T) {
	g := gate(t, config.Security{})
	require.False(t, g.Asks())
	require.Nil(t, g.Credentials())
	id, err := g.Admit(metadata.NewIncomingContext(t.Context(), metadata.Pairs(tenant.Key, "icu")), loadModel)
	require.NoError(t, err)
	require.Equal(t, auth.Identity{Tenant: "icu"}, id)
}
