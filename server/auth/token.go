package auth

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/time/rate"

	"github.com/bedside-lm/bedside/server/config"
)

const (
	clockSkew     = 30 * time.Second
	jwksRefresh   = 5 * time.Minute
	jwksTimeout   = 10 * time.Second
	unknownKeys   = 15 * time.Second // how often a key that is not known may have the set fetched anew
	unknownWait   = 5 * time.Second
	maxJWKSBytes  = 1 << 20
	maxTokenBytes = 12 << 10 // a call's metadata is 16 KiB at most
)

// Signatures by a shared secret (HS256 and the like) are left out: whoever can check them can forge them.
var algorithms = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}

// tokens checks signed bearer tokens.
type tokens struct {
	parser              *jwt.Parser
	keys                func() jwt.Keyfunc
	rolesPath, tenantAt []string
}

func newTokens(cfg *config.Security, keys func() jwt.Keyfunc, now func() time.Time) *tokens {
	t := &tokens{
		keys: keys, rolesPath: strings.Split(cfg.JWTRolesClaim, "."),
		parser: jwt.NewParser(jwt.WithValidMethods(algorithms), jwt.WithIssuer(cfg.JWTIssuer), jwt.WithAudience(cfg.JWTAudience),
			jwt.WithExpirationRequired(), jwt.WithLeeway(clockSkew), jwt.WithTimeFunc(now)),
	}
	if cfg.JWTTenantClaim != "" {
		t.tenantAt = strings.Split(cfg.JWTTenantClaim, ".")
	}
	return t
}

// identity is who a token is for.
func (t *tokens) identity(token string) (Identity, error) {
	if len(token) > maxTokenBytes {
		return Identity{}, unauthenticated("the token is too long")
	}
	claims := jwt.MapClaims{}
	if _, err := t.parser.ParseWithClaims(token, claims, t.keys()); err != nil {
		return Identity{}, unauthenticated("%s", refusal(err))
	}
	subject, err := claims.GetSubject()
	if err != nil || subject == "" || len(subject) > maxSubject {
		return Identity{}, unauthenticated("the token names no subject (sub) of at most %d bytes", maxSubject)
	}
	id := Identity{Subject: subject, Method: ByToken, Roles: rolesOf(texts(claim(claims, t.rolesPath)))}
	if exp, err := claims.GetExpirationTime(); err == nil && exp != nil {
		id.Expires = exp.Add(clockSkew)
	}
	if len(t.tenantAt) > 0 {
		switch tenant := claim(claims, t.tenantAt).(type) {
		case nil:
		case string:
			id.Tenant = tenant
		default:
			return Identity{}, unauthenticated("the token's tenant is no name")
		}
	}
	if !tenantPattern.MatchString(id.Tenant) {
		return Identity{}, unauthenticated("the token's tenant must be letters, digits, dots, dashes and underscores, at most 64")
	}
	return id, nil
}

// refusal says why a token is not taken, in words of our own: the library's may quote it.
func refusal(err error) string {
	for _, r := range []struct {
		is   error
		says string
	}{
		{jwt.ErrTokenMalformed, "the token is neither a JWT nor an API key"},
		{jwt.ErrTokenUnverifiable, "the token's key is not known"},
		{jwt.ErrTokenSignatureInvalid, "the token's signature or its algorithm is not valid"},
		{jwt.ErrTokenExpired, "the token has expired"},
		{jwt.ErrTokenNotValidYet, "the token is not valid yet"},
		{jwt.ErrTokenInvalidIssuer, "the token is of another issuer"},
		{jwt.ErrTokenInvalidAudience, "the token is for another audience"},
		{jwt.ErrTokenRequiredClaimMissing, "the token must have exp, iss, aud and sub"},
	} {
		if errors.Is(err, r.is) {
			return r.says
		}
	}
	return "the token is not valid"
}

// claim follows a path into claims; nil where there is nothing. A claim whose own name has dots, such as a URL, is found
// by the whole path.
func claim(claims map[string]any, path []string) any {
	if v, ok := claims[strings.Join(path, ".")]; ok {
		return v
	}
	var at any = claims
	for _, name := range path {
		inner, ok := at.(map[string]any)
		if !ok {
			return nil
		}
		at = inner[name]
	}
	return at
}

// texts reads one name, several between spaces, or a list.
func texts(v any) []string {
	switch v := v.(type) {
	case string:
		return strings.Fields(v)
	case []any:
		var out []string
		for _, item := range v {
			if s, ok := item.(string); ok {
				out = append(out, s)
			}
		}
		return out
	}
	return nil
}

// fileKeys reads a JWKS file. Keys that cannot be used here are passed over.
func fileKeys(data []byte) (jwt.Keyfunc, error) {
	keys, err := keyfunc.NewJWKSetJSON(json.RawMessage(data))
	if err != nil {
		return nil, &config.Error{Setting: "jwt-jwks", Reason: "names a file that is no JSON Web Key Set"}
	}
	return keys.Keyfunc, nil
}

// fetchedKeys are those of a URL, fetched now and then and when a token names one that is not known. That the URL cannot
// be reached now is no reason not to start: tokens are refused until it can.
func fetchedKeys(ctx context.Context, url string, log *slog.Logger) (jwt.Keyfunc, error) {
	client := &http.Client{
		Timeout:   jwksTimeout,
		Transport: boundedTransport{&http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true}},
		// It is the URL that the operator trusts, not where it might send us.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	keys, err := keyfunc.NewDefaultOverrideCtx(ctx, []string{url}, keyfunc.Override{
		Client: client, HTTPTimeout: jwksTimeout, RefreshInterval: jwksRefresh,
		RefreshUnknownKID: rate.NewLimiter(rate.Every(unknownKeys), 1),
		// It bounds the fetch as well; being shorter than the time between two, it keeps calls from queueing for the next.
		RateLimitWaitMax: unknownWait,
		RefreshErrorHandlerFunc: func(string) func(context.Context, error) {
			return func(_ context.Context, err error) {
				log.Warn("the keys of bearer tokens cannot be fetched", "error", err)
			}
		},
	})
	if err != nil {
		return nil, &config.Error{Setting: "jwt-jwks", Reason: "names a URL that cannot be used"}
	}
	return keys.Keyfunc, nil
}

// boundedTransport bounds what is read of an answer.
type boundedTransport struct{ http.RoundTripper }

func (t boundedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := t.RoundTripper.RoundTrip(r)
	if err == nil {
		resp.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(resp.Body, maxJWKSBytes), resp.Body}
	}
	return resp, err
}
