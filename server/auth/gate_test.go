package auth_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"google.golang.org/grpc/metadata"

	"github.com/bedside-lm/bedside/server/auth"
	"github.com/bedside-lm/bedside/server/auth/authtest"
	"github.com/bedside-lm/bedside/server/config"
	"github.com/bedside-lm/bedside/server/tenant"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	issuer    = "https://idp.example"
	audience  = "bedside"
	search    = "/bedside.v1.KnowledgeGraphService/Search"
	loadModel = "/bedside.v1.ModelService/LoadModel"
	listAll   = "/bedside.v1.ModelService/ListModels"
	check     = "/grpc.health.v1.Health/Check"
)

func gate(t *testing.T, cfg config.Security) *auth.Gate {
	t.Helper()
	if cfg.JWTJWKS != "" {
		cfg.JWTIssuer, cfg.JWTAudience, cfg.JWTTenantClaim = issuer, audience, "tenant"
		if cfg.JWTRolesClaim == "" {
			cfg.JWTRolesClaim = "roles"
		}
	}
	g, err := auth.New(auth.Options{Config: cfg, Logger: slog.New(slog.DiscardHandler), Reread: 5 * time.Millisecond})
	require.NoError(t, err)
	t.Cleanup(g.Close)
	return g
}

// bearer is the context of a call with a token, and pairs of further metadata.
func bearer(token string, more ...string) context.Context {
	return metadata.NewIncomingContext(context.Background(), metadata.Pairs(append(more, "authorization", "Bearer "+token)...))
}

func claims(change map[string]any) map[string]any {
	out := map[string]any{
		"iss": issuer, "aud": audience, "sub": "dr-wang", "exp": time.Now().Add(time.Hour).Unix(), "roles": []string{"clinician", "other"},
		"tenant": "ward-3",
	}
	for k, v := range change {
		if v == nil {
			delete(out, k)
		} else {
			out[k] = v
		}
	}
	return out
}

func refused(t *testing.T, err error, kind auth.Kind, words string) {
	t.Helper()
	var e *auth.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, kind, e.Kind, e.Reason)
	require.Contains(t, e.Reason, words)
}

func TestTokens(t *testing.T) {
	signer, stranger := authtest.NewSigner(t, "one"), authtest.NewSigner(t, "one")
	g := gate(t, config.Security{JWTJWKS: authtest.Write(t, t.TempDir(), "jwks.json", authtest.JWKS(t, signer))})

	id, err := g.Admit(bearer(signer.Token(claims(nil))), search)
	require.NoError(t, err)
	require.WithinDuration(t, time.Now().Add(time.Hour), id.Expires, time.Minute)
	id.Expires = time.Time{}
	require.Equal(t, auth.Identity{Subject: "dr-wang", Roles: []auth.Role{auth.Clinician}, Tenant: "ward-3", Method: auth.ByToken}, id)

	none, err := jwt.NewWithClaims(jwt.SigningMethodNone, jwt.MapClaims(claims(nil))).SignedString(jwt.UnsafeAllowNoneSignatureType)
	require.NoError(t, err)
	// The public key as an HMAC's secret: what a server that lets the token choose its algorithm would take.
	confused := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims(claims(nil)))
	confused.Header["kid"] = "one"
	symmetric, err := confused.SignedString(authtest.JWKS(t, signer))
	require.NoError(t, err)
	good := signer.Token(claims(nil))
	for name, c := range map[string]struct{ token, words string }{
		"expired":               {signer.Token(claims(map[string]any{"exp": time.Now().Add(-time.Minute).Unix()})), "expired"},
		"for ever":              {signer.Token(claims(map[string]any{"exp": nil})), "must have exp"},
		"not yet":               {signer.Token(claims(map[string]any{"nbf": time.Now().Add(time.Hour).Unix()})), "not valid yet"},
		"another audience":      {signer.Token(claims(map[string]any{"aud": "billing"})), "another audience"},
		"no audience":           {signer.Token(claims(map[string]any{"aud": nil})), "must have"},
		"another issuer":        {signer.Token(claims(map[string]any{"iss": "https://evil.example"})), "another issuer"},
		"no subject":            {signer.Token(claims(map[string]any{"sub": nil})), "no subject"},
		"another key":           {stranger.Token(claims(nil)), "signature"},
		"an unknown key":        {authtest.NewSigner(t, "two").Token(claims(nil)), "key is not known"},
		"no algorithm":          {none, "algorithm"},
		"a symmetric one":       {symmetric, "algorithm"},
		"changed":               {good[:len(good)-6] + "AAAAAA", "signature"},
		"no token":              {"nonsense", "neither a JWT nor an API key"},
		"too long":              {strings.Repeat("a", 13<<10), "too long"},
		"a text for a tenant":   {signer.Token(claims(map[string]any{"tenant": "Zhang Wei"})), "tenant must be"},
		"a number for a tenant": {signer.Token(claims(map[string]any{"tenant": 7})), "tenant is no name"},
		"an API key":            {"bsk_0011223344556677_abc", "neither a JWT nor an API key"},
	} {
		_, err := g.Admit(bearer(c.token), search)
		t.Run(name, func(t *testing.T) { refused(t, err, auth.Unauthenticated, c.words) })
		_, err = g.Admit(bearer(c.token), check)
		require.NoError(t, err, "probes need no credentials")
	}
	for name, md := range map[string]metadata.MD{
		"none": {}, "basic": metadata.Pairs("authorization", "Basic abc"), "empty": metadata.Pairs("authorization", "Bearer "),
		"two": metadata.Pairs("authorization", "Bearer "+good, "authorization", "Bearer "+good),
	} {
		_, err := g.Admit(metadata.NewIncomingContext(t.Context(), md), search)
		t.Run(name, func(t *testing.T) { refused(t, err, auth.Unauthenticated, "") })
	}
	_, err = g.Admit(bearer(good), loadModel)
	refused(t, err, auth.Denied, "needs one of the roles: operator")
	_, err = g.Admit(bearer(signer.Token(claims(map[string]any{"roles": "janitor"}))), listAll)
	refused(t, err, auth.Denied, "has no role here")
	_, err = g.Admit(bearer(good), "/bedside.v1.New/Thing")
	refused(t, err, auth.Denied, "nobody")
	_, err = g.Admit(bearer(good, tenant.Key, "ward-4"), search)
	refused(t, err, auth.Denied, "another tenant")
	_, err = g.Admit(bearer(good, tenant.Key, "ward-3"), search)
	require.NoError(t, err)
}

func TestClaims(t *testing.T) {
	signer := authtest.NewSigner(t, "one")
	jwks := authtest.Write(t, t.TempDir(), "jwks.json", authtest.JWKS(t, signer))
	for name, c := range map[string]struct {
		claim string
		value map[string]any
	}{
		"nested, as Keycloak has it": {"realm_access.roles", map[string]any{"realm_access": map[string]any{"roles": []string{"operator"}}}},
		"a URL, as Auth0 has it":     {"https://bedside.example/roles", map[string]any{"https://bedside.example/roles": []string{"operator"}}},
		"between spaces":             {"scope", map[string]any{"scope": "openid operator"}},
	} {
		g := gate(t, config.Security{JWTJWKS: jwks, JWTRolesClaim: c.claim})
		id, err := g.Admit(bearer(signer.Token(claims(c.value))), loadModel)
		require.NoError(t, err, name)
		require.Equal(t, []auth.Role{auth.Operator}, id.Roles, name)
	}
}

// eventually waits for what a change of a file brings about.
func eventually(t *testing.T, what func() bool) {
	t.Helper()
	require.Eventually(t, what, 5*time.Second, 2*time.Millisecond)
}

func TestKeyRotationFromAFile(t *testing.T) {
	dir := t.TempDir()
	old, young := authtest.NewSigner(t, "old"), authtest.NewSigner(t, "young")
	g := gate(t, config.Security{JWTJWKS: authtest.Write(t, dir, "jwks.json", authtest.JWKS(t, old))})
	ok := func(s *authtest.Signer) bool {
		_, err := g.Admit(bearer(s.Token(claims(nil))), search)
		return err == nil
	}
	require.True(t, ok(old))
	require.False(t, ok(young))
	authtest.Write(t, dir, "jwks.json", authtest.JWKS(t, old, young))
	eventually(t, func() bool { return ok(young) })
	require.True(t, ok(old))
	authtest.Write(t, dir, "jwks.json", []byte("{")) // half written: what was read before stays
	authtest.Write(t, dir, "jwks.json", authtest.JWKS(t, young))
	eventually(t, func() bool { return !ok(old) })
	require.True(t, ok(young))
}

func TestKeyRotationFromAURL(t *testing.T) {
	old, young := authtest.NewSigner(t, "old"), authtest.NewSigner(t, "young")
	served := make(chan []byte, 1)
	served <- authtest.JWKS(t, old)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		set := <-served
		served <- set
		_, _ = w.Write(set)
	}))
	defer server.Close()
	g := gate(t, config.Security{JWTJWKS: server.URL})
	_, err := g.Admit(bearer(old.Token(claims(nil))), search)
	require.NoError(t, err)
	<-served
	served <- authtest.JWKS(t, young)
	_, err = g.Admit(bearer(young.Token(claims(nil))), search)
	require.NoError(t, err, "a key that is not known has the set fetched")
	began := time.Now()
	_, err = g.Admit(bearer(authtest.NewSigner(t, "made up").Token(claims(nil))), search)
	refused(t, err, auth.Unauthenticated, "key is not known")
	require.Less(t, time.Since(began), 2*time.Second, "nobody waits for the next fetch")
}

// An identity provider that cannot be reached keeps the server from nothing but taking tokens.
func TestKeysThatCannotBeFetched(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	g := gate(t, config.Security{JWTJWKS: server.URL})
	_, err := g.Admit(bearer(authtest.NewSigner(t, "one").Token(claims(nil))), search)
	refused(t, err, auth.Unauthenticated, "key is not known")
}
