package auth

import (
	"context"
	"crypto/tls"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"

	"github.com/bedside-lm/bedside/server/config"
	"github.com/bedside-lm/bedside/server/secret"
	"github.com/bedside-lm/bedside/server/tenant"
)

// reread is how often files are looked at for changes.
const reread = 5 * time.Second

// Options are what a Gate works with.
type Options struct {
	Config config.Security
	Logger *slog.Logger
	Reread time.Duration    // how often files are looked at; 0: every 5 seconds
	Now    func() time.Time // nil: time.Now
}

// Gate lets calls in or refuses them. It is safe for concurrent use.
type Gate struct {
	asks    bool // whether callers have to say who they are
	tls     *watched[*tls.Config]
	callers *watched[callers]
	tokens  *tokens
	now     func() time.Time

	stop    context.CancelFunc
	running sync.WaitGroup
}

// New reads the files of the configuration, and follows their changes until Close.
func New(opt Options) (_ *Gate, err error) {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Reread == 0 {
		opt.Reread = reread
	}
	ctx, cancel := context.WithCancel(context.Background())
	cfg := opt.Config
	g := &Gate{asks: cfg.Authenticates(), now: opt.Now, stop: cancel}
	defer func() {
		if err != nil {
			g.Close()
		}
	}()
	var all []looker
	if cfg.TLSCert != "" {
		g.tls, err = watch("TLS certificate", opt.Logger, func() ([]byte, error) { return readTLS(&cfg) }, parseTLS)
		if err != nil {
			return nil, err
		}
		all = append(all, g.tls)
	}
	if cfg.CallersFile != "" {
		g.callers, err = watch("callers' file", opt.Logger,
			func() ([]byte, error) { return secret.ReadLarge("callers-file", cfg.CallersFile, maxCallersBytes) }, parseCallers)
		if err != nil {
			return nil, err
		}
		all = append(all, g.callers)
	}
	keys, look, err := signingKeys(ctx, &cfg, opt.Logger)
	if err != nil {
		return nil, err
	}
	if keys != nil {
		g.tokens = newTokens(&cfg, keys, opt.Now)
	}
	if look != nil {
		all = append(all, look)
	}
	if len(all) > 0 {
		follow(ctx, &g.running, opt.Reread, all)
	}
	return g, nil
}

// signingKeys are the keys of bearer tokens; nil where there are none.
func signingKeys(ctx context.Context, cfg *config.Security, log *slog.Logger) (keys func() jwt.Keyfunc, look looker, err error) {
	switch {
	case cfg.JWTJWKS == "":
		return nil, nil, nil
	case config.IsURL(cfg.JWTJWKS):
		fetched, err := fetchedKeys(ctx, cfg.JWTJWKS, log)
		return func() jwt.Keyfunc { return fetched }, nil, err
	}
	w, err := watch("keys of bearer tokens", log,
		func() ([]byte, error) { return secret.ReadPublic("jwt-jwks", cfg.JWTJWKS, maxJWKSBytes) }, fileKeys)
	if err != nil {
		return nil, nil, err
	}
	return w.get, w, nil
}

// Close stops following files.
func (g *Gate) Close() {
	g.stop()
	g.running.Wait()
}

// Asks says whether callers have to say who they are.
func (g *Gate) Asks() bool { return g.asks }

// Credentials are the gRPC server's: TLS, or nil without a certificate.
func (g *Gate) Credentials() credentials.TransportCredentials {
	if g.tls == nil {
		return nil
	}
	return newPortCredentials(g.tls.get)
}

// Admit says who makes a call, and refuses it, by an *Error, if they may not; then, too, the identity is what is known of
// the caller.
func (g *Gate) Admit(ctx context.Context, method string) (Identity, error) {
	if p, ok := peer.FromContext(ctx); ok && withinProcess(p.Addr) {
		return g.selfNamed(ctx, Identity{Subject: "in-process", Roles: Roles(), Method: ByProcess})
	}
	if !g.asks {
		return g.selfNamed(ctx, Identity{})
	}
	id, err := g.identify(ctx)
	if _, open := Allowed(method); open {
		return id, nil // a probe with old credentials learns no less than one without
	}
	if err != nil {
		return id, err
	}
	if err := permit(method, &id); err != nil {
		return id, err
	}
	return id, ownTenant(ctx, id.Tenant)
}

// selfNamed is a caller whom nobody asked, on the account of the tenant that the call names.
func (g *Gate) selfNamed(ctx context.Context, id Identity) (_ Identity, err error) {
	id.Tenant, err = tenant.Of(ctx)
	return id, err
}

// ownTenant refuses a call that names another tenant than its caller's.
func ownTenant(ctx context.Context, own string) error {
	for _, named := range metadata.ValueFromIncomingContext(ctx, tenant.Key) {
		if named != own {
			return denied("the call is for another tenant than its caller's; leave %s out, or name the caller's own", tenant.Key)
		}
	}
	return nil
}

// identify says who is calling: by the bearer token where there is one, else by the certificate. A token that is not
// valid is refused even where a certificate would do.
func (g *Gate) identify(ctx context.Context) (Identity, error) {
	values := metadata.ValueFromIncomingContext(ctx, "authorization")
	cert := certificateOf(ctx)
	switch {
	case len(values) > 1:
		return Identity{}, unauthenticated("the call has several authorization values")
	case len(values) == 1:
		scheme, token, _ := strings.Cut(values[0], " ")
		if !strings.EqualFold(scheme, "bearer") || token == "" {
			return Identity{}, unauthenticated(`authorization must be "Bearer" and a token`)
		}
		return g.bearer(strings.TrimSpace(token))
	case cert != nil && g.callers != nil:
		name, err := nameOf(cert, g.now())
		if err != nil {
			return Identity{}, err
		}
		id, err := g.byCertificate(name)
		if id.Expires.IsZero() || cert.NotAfter.Before(id.Expires) {
			id.Expires = cert.NotAfter
		}
		return id, err
	}
	return Identity{}, unauthenticated("this server asks who is calling: %s", g.wanted())
}

func (g *Gate) byCertificate(name string) (Identity, error) {
	known := g.callers.get()
	return known.byCertificate(name, g.now())
}

func (g *Gate) bearer(token string) (Identity, error) {
	switch {
	case isKey(token) && g.callers != nil:
		known := g.callers.get()
		return known.byKey(token, g.now())
	case g.tokens != nil:
		return g.tokens.identity(token)
	}
	return Identity{}, unauthenticated("this server takes no such token: %s", g.wanted())
}

// wanted says what a caller can show.
func (g *Gate) wanted() string {
	if g.tokens != nil {
		return "send a token or an API key as authorization: Bearer TOKEN"
	}
	return "send an API key as authorization: Bearer KEY, or connect with a client certificate that is known here"
}
