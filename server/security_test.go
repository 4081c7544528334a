package server

import (
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
	"github.com/bedside-lm/bedside/server/auth"
	"github.com/bedside-lm/bedside/server/auth/authtest"
	"github.com/bedside-lm/bedside/server/config"
	"github.com/bedside-lm/bedside/server/tenant"
)

var update = flag.Bool("update", false, "write golden files anew")

// secured is a server with TLS that asks who is calling, and all that is needed to call it.
type secured struct {
	*Server
	dir    string
	ca     *authtest.CA
	signer *authtest.Signer

	keys, expired map[auth.Role]string // API keys of one role each; expired: the same
}

func startSecured(t *testing.T, change func(*config.Config)) *secured {
	t.Helper()
	s := &secured{
		dir: t.TempDir(), ca: authtest.NewCA(t), signer: authtest.NewSigner(t, "one"), keys: map[auth.Role]string{}, expired: map[auth.Role]string{},
	}
	cert, key := s.ca.Issue("server", "")
	s.Server = startServer(t, func(c *config.Config) {
		withoutModels(c)
		c.Channelz = true
		c.TLSCert, c.TLSKey = authtest.Write(t, s.dir, "cert.pem", cert), authtest.Write(t, s.dir, "key.pem", key)
		c.TLSClientCA = authtest.Write(t, s.dir, "ca.pem", s.ca.PEM())
		c.CallersFile = authtest.Write(t, s.dir, "callers.yaml", []byte(
			"- {certificate: 'spiffe://hospital.example/monitor', roles: [integrator], tenant: ward-3}\n"))
		for _, r := range auth.Roles() {
			holder := auth.KeyHolder{Subject: string(r), Roles: []auth.Role{r}, Tenant: "ward-3"}
			var err error
			s.keys[r], err = auth.NewKey(c.CallersFile, holder, time.Now())
			require.NoError(t, err)
			holder.Expires = time.Now().Add(-time.Minute)
			s.expired[r], err = auth.NewKey(c.CallersFile, holder, time.Now())
			require.NoError(t, err)
		}
		c.JWTJWKS = authtest.Write(t, s.dir, "jwks.json", authtest.JWKS(t, s.signer))
		c.JWTIssuer, c.JWTAudience = "https://idp.example", "bedside"
		if change != nil {
			change(c)
		}
	})
	return s
}

// connect dials with TLS, and a client certificate if there is one.
func (s *secured) connect(t *testing.T, certs ...tls.Certificate) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient(s.Addr(), grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{
		RootCAs: s.ca.Pool(), Certificates: certs, MinVersion: tls.VersionTLS12,
	})))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close()) })
	return conn
}

func claims(roles ...auth.Role) map[string]any {
	return map[string]any{
		"iss": "https://idp.example", "aud": "bedside", "sub": "dr-wang", "tenant": "ward-3",
		"exp": time.Now().Add(time.Hour).Unix(), "roles": auth.Names(roles),
	}
}

func with(c map[string]any, name string, value any) map[string]any { c[name] = value; return c }

// call makes a call with an empty request, and gives the code of its first answer.
func call(t *testing.T, conn *grpc.ClientConn, method string, streams bool, md ...string) codes.Code {
	t.Helper()
	ctx, cancel := context.WithTimeout(metadata.AppendToOutgoingContext(t.Context(), md...), 10*time.Second)
	defer cancel()
	if !streams {
		return status.Code(conn.Invoke(ctx, method, &emptypb.Empty{}, &emptypb.Empty{}))
	}
	stream, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, method)
	require.NoError(t, err)
	_ = stream.SendMsg(&emptypb.Empty{}) // a refusal comes with the answer
	require.NoError(t, stream.CloseSend())
	if err := stream.RecvMsg(&emptypb.Empty{}); err != nil && !errors.Is(err, io.EOF) {
		return status.Code(err)
	}
	return codes.OK
}

// methods are all calls of all services, and whether they stream.
func methods(s *Server) map[string]bool {
	out := map[string]bool{}
	for service, info := range s.grpc.GetServiceInfo() {
		for _, m := range info.Methods {
			out["/"+service+"/"+m.Name] = m.IsClientStream || m.IsServerStream
		}
	}
	return out
}

func TestAuthorizationMatrix(t *testing.T) {
	s := startSecured(t, nil)
	all := methods(s.Server)
	require.Greater(t, len(all), 50)
	callers := map[string]struct {
		roles []auth.Role // nil: not recognised
		md    []string
		conn  *grpc.ClientConn
		want  codes.Code // of what is refused
	}{}
	conn := s.connect(t)
	add := func(name string, want codes.Code, roles []auth.Role, conn *grpc.ClientConn, md ...string) {
		c := callers[name]
		c.roles, c.md, c.conn, c.want = roles, md, conn, want
		callers[name] = c
	}
	bearer := func(token string) []string { return []string{"authorization", "Bearer " + token} }
	stranger := authtest.NewSigner(t, "one")
	for _, r := range auth.Roles() {
		add(string(r), codes.PermissionDenied, []auth.Role{r}, conn, bearer(s.signer.Token(claims(r)))...)
		add(string(r)+", own tenant", codes.PermissionDenied, []auth.Role{r}, conn, append(bearer(s.signer.Token(claims(r))), tenant.Key, "ward-3")...)
		add(string(r)+", API key", codes.PermissionDenied, []auth.Role{r}, conn, bearer(s.keys[r])...)
		// Whatever a caller might do, none of it counts once a part of what they show is wrong.
		add(string(r)+", another tenant", codes.PermissionDenied, nil, conn, append(bearer(s.signer.Token(claims(r))), tenant.Key, "ward-4")...)
		for name, token := range map[string]string{
			"expired":          s.signer.Token(with(claims(r), "exp", time.Now().Add(-time.Minute).Unix())),
			"another audience": s.signer.Token(with(claims(r), "aud", "billing")),
			"another issuer":   s.signer.Token(with(claims(r), "iss", "https://evil.example")),
			"another key":      stranger.Token(claims(r)),
			"expired API key":  s.expired[r],
		} {
			add(string(r)+", "+name, codes.Unauthenticated, nil, conn, bearer(token)...)
		}
	}
	everything := func() map[string]any { return claims(auth.Roles()...) }
	none, err := jwt.NewWithClaims(jwt.SigningMethodNone, jwt.MapClaims(everything())).SignedString(jwt.UnsafeAllowNoneSignatureType)
	require.NoError(t, err)
	add("no role", codes.PermissionDenied, nil, conn, bearer(s.signer.Token(claims()))...)
	add("another tenant", codes.PermissionDenied, nil, conn, append(bearer(s.signer.Token(everything())), tenant.Key, "ward-4")...)
	add("unknown certificate", codes.PermissionDenied, nil, s.connect(t, s.ca.Client("stranger", "spiffe://hospital.example/stranger")))
	add("known certificate", codes.PermissionDenied, []auth.Role{auth.Integrator}, s.connect(t, s.ca.Client("m", "spiffe://hospital.example/monitor")))
	for name, token := range map[string]string{
		"expired":          s.signer.Token(with(everything(), "exp", time.Now().Add(-time.Minute).Unix())),
		"another audience": s.signer.Token(with(everything(), "aud", "billing")),
		"another issuer":   s.signer.Token(with(everything(), "iss", "https://evil.example")),
		"another key":      authtest.NewSigner(t, "one").Token(everything()),
		"no algorithm":     none,
		"unknown API key":  "bsk_0011223344556677_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
	} {
		add(name, codes.Unauthenticated, nil, conn, bearer(token)...)
	}
	add("anonymous", codes.Unauthenticated, nil, conn)

	for method, streams := range all {
		needed, open := auth.Allowed(method)
		for name, c := range callers {
			allowed := open || slices.ContainsFunc(c.roles, func(r auth.Role) bool { return slices.Contains(needed, r) })
			got := call(t, c.conn, method, streams, c.md...)
			if refused := got == codes.Unauthenticated || got == codes.PermissionDenied; allowed == refused || refused && got != c.want {
				t.Errorf("%s, %s: %v, allowed %v", method, name, got, allowed)
			}
		}
	}
}

const securityDoc = "../docs/security.md"

// Every call stands in the policy and nothing else does, and docs/security.md shows it as it is.
func TestPolicyIsWhole(t *testing.T) {
	s := startServer(t, func(c *config.Config) { withoutModels(c); c.Channelz, c.Listen = true, "" })
	var table strings.Builder
	table.WriteString("| call | clinician | integrator | operator | auditor | anyone | audited |\n|---|---|---|---|---|---|---|\n")
	mark := func(yes bool) string {
		if yes {
			return "yes |"
		}
		return "|"
	}
	all := methods(s)
	for _, m := range slices.Sorted(maps.Keys(all)) {
		roles, open := auth.Allowed(m)
		require.True(t, open || len(roles) > 0, "%s stands in no line of server/auth/policy.go", m)
		fmt.Fprintf(&table, "| `%s` |", strings.TrimPrefix(m, "/"))
		for _, r := range auth.Roles() {
			table.WriteString(mark(open || slices.Contains(roles, r)))
		}
		table.WriteString(mark(open) + mark(auth.Audited(m)) + "\n")
	}
	for _, m := range auth.Methods() {
		require.Contains(t, all, m, "server/auth/policy.go has a call that there is not")
	}
	const begin, end = "<!-- policy: kept current by TestPolicyIsWhole; go test ./server -run Policy -update -->\n", "<!-- /policy -->\n"
	data, err := os.ReadFile(securityDoc)
	require.NoError(t, err)
	before, rest, found := strings.Cut(string(data), begin)
	old, after, ended := strings.Cut(rest, end)
	require.True(t, found && ended, "docs/security.md lost the marks around the table")
	if *update {
		require.NoError(t, os.WriteFile(securityDoc, []byte(before+begin+table.String()+end+after), 0o600))
		return
	}
	require.Equal(t, table.String(), old, "run with -update")
}

// A certificate is replaced under running calls: they go on, and new connections get the new one.
func TestCertificateRotation(t *testing.T) {
	s := startSecured(t, nil)
	serial := func(conn *grpc.ClientConn) string {
		var p peer.Peer
		_, err := healthpb.NewHealthClient(conn).Check(t.Context(), &healthpb.HealthCheckRequest{}, grpc.Peer(&p))
		require.NoError(t, err)
		info, ok := p.AuthInfo.(credentials.TLSInfo)
		require.True(t, ok)
		return info.State.PeerCertificates[0].SerialNumber.String()
	}
	old := s.connect(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	watch, err := healthpb.NewHealthClient(old).Watch(ctx, &healthpb.HealthCheckRequest{Service: "later"})
	require.NoError(t, err)
	_, err = watch.Recv()
	require.NoError(t, err)
	first := serial(old)

	cert, key := s.ca.Issue("server", "")
	authtest.Write(t, s.dir, "key.pem", key) // for a moment the two do not fit
	authtest.Write(t, s.dir, "cert.pem", cert)
	want := authtest.Serial(t, cert).String()
	require.Eventually(t, func() bool {
		conn := s.connect(t)
		return serial(conn) == want
	}, 15*time.Second, 200*time.Millisecond)
	require.Equal(t, first, serial(old), "the connection is the same")
	s.health.SetServingStatus("later", healthpb.HealthCheckResponse_SERVING)
	_, err = watch.Recv()
	require.NoError(t, err, "a running call goes on")
}

func TestPlainTextIsRefused(t *testing.T) {
	s := startSecured(t, nil)
	conn, err := grpc.NewClient(s.Addr(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	defer conn.Close()
	_, err = healthpb.NewHealthClient(conn).Check(t.Context(), &healthpb.HealthCheckRequest{})
	require.Equal(t, codes.Unavailable, status.Code(err))

	// This process needs no certificate to call itself.
	target, opts := s.InProcess()
	inside, err := grpc.NewClient(target, opts...)
	require.NoError(t, err)
	defer inside.Close()
	_, err = bedsidev1.NewModelServiceClient(inside).ListModels(t.Context(), &bedsidev1.ListModelsRequest{})
	require.NoError(t, err)
}
