package config

import (
	"net"
	"net/url"
	"strings"
)

// Security says who may call, and where it is written down that they did.
type Security struct {
	TLSCert     string `name:"tls-cert" help:"Certificate of the gRPC port, with its chain (PEM); read again when it changes." env:"BEDSIDE_TLS_CERT" placeholder:"FILE" group:"security"`
	TLSKey      string `name:"tls-key" help:"Private key of --tls-cert (PEM). Others must not be able to read it." env:"BEDSIDE_TLS_KEY" placeholder:"FILE" group:"security"`
	TLSClientCA string `name:"tls-client-ca" help:"Authorities whose client certificates are taken (PEM); --callers-file says what their holders may do." env:"BEDSIDE_TLS_CLIENT_CA" placeholder:"FILE" group:"security"`
	CallersFile string `help:"Who may call: hashes of API keys ('bedside auth new-key' adds them) and names of client certificates, each with roles and a tenant (YAML)." env:"BEDSIDE_CALLERS_FILE" placeholder:"FILE" group:"security"`

	JWTJWKS        string `name:"jwt-jwks" help:"Keys that sign bearer tokens: a JWKS file, or its URL (https)." env:"BEDSIDE_JWT_JWKS" placeholder:"FILE|URL" group:"security"`
	JWTIssuer      string `name:"jwt-issuer" help:"Issuer (iss) that a bearer token must name." env:"BEDSIDE_JWT_ISSUER" placeholder:"URL" group:"security"`
	JWTAudience    string `name:"jwt-audience" help:"Audience (aud) that a bearer token must name." env:"BEDSIDE_JWT_AUDIENCE" placeholder:"NAME" group:"security"`
	JWTRolesClaim  string `name:"jwt-roles-claim" help:"Claim with a token's roles; dots lead inwards, as in realm_access.roles." default:"roles" env:"BEDSIDE_JWT_ROLES_CLAIM" placeholder:"NAME" group:"security"`
	JWTTenantClaim string `name:"jwt-tenant-claim" help:"Claim with a token's tenant; dots lead inwards." default:"tenant" env:"BEDSIDE_JWT_TENANT_CLAIM" placeholder:"NAME" group:"security"`

	AuditDir      string `help:"Folder of the audit log; empty: none is kept. A call whose record cannot be written is not answered." env:"BEDSIDE_AUDIT_DIR" placeholder:"DIR" group:"security"`
	AuditKeyFile  string `help:"File with the key of the audit log, at least 32 random bytes; empty: audit.key in --audit-dir, made with it." env:"BEDSIDE_AUDIT_KEY_FILE" placeholder:"FILE" group:"security"`
	AuditMaxBytes int64  `help:"Size at which the audit log goes on in a new file." default:"67108864" env:"BEDSIDE_AUDIT_MAX_BYTES" group:"security"`
}

// Authenticates says whether callers have to say who they are.
func (s *Security) Authenticates() bool { return s.CallersFile != "" || s.JWTJWKS != "" }

// IsURL says whether a setting that is a file or a URL is a URL.
func IsURL(s string) bool { return strings.HasPrefix(s, "https://") || strings.HasPrefix(s, "http://") }

func (s *Security) validate() error {
	for _, p := range []struct {
		wrong   bool
		setting string
		reason  string
	}{
		{s.TLSKey != "" && s.TLSCert == "", "tls-cert", "is needed with --tls-key"},
		{s.TLSCert != "" && s.TLSKey == "", "tls-key", "is needed with --tls-cert"},
		{s.TLSClientCA != "" && s.TLSCert == "", "tls-cert", "is needed with --tls-client-ca"},
		{s.TLSClientCA != "" && s.CallersFile == "", "callers-file", "is needed with --tls-client-ca: it says what the holder of a certificate may do"},
		{s.JWTJWKS == "" && (s.JWTIssuer != "" || s.JWTAudience != ""), "jwt-jwks", "is needed with --jwt-issuer and --jwt-audience"},
		{s.JWTJWKS != "" && s.JWTIssuer == "", "jwt-issuer", "is needed with --jwt-jwks"},
		{s.JWTJWKS != "" && s.JWTAudience == "", "jwt-audience", "is needed with --jwt-jwks: tokens for other services would do here, too"},
		{s.JWTJWKS != "" && s.JWTRolesClaim == "", "jwt-roles-claim", "must name a claim: a token without roles may do nothing"},
		{strings.HasPrefix(s.JWTJWKS, "http://") && !localURL(s.JWTJWKS), "jwt-jwks", "must be https: whoever changes the answer on its way can sign tokens"},
		{s.AuditDir == "" && s.AuditKeyFile != "", "audit-dir", "is needed with --audit-key-file"},
		{s.AuditDir != "" && (s.AuditMaxBytes < 1<<16 || s.AuditMaxBytes > 1<<40), "audit-max-bytes", "is outside 65536 to 1099511627776"},
	} {
		if p.wrong {
			return &Error{p.setting, p.reason}
		}
	}
	return nil
}

// localURL says whether a URL leads to this machine.
func localURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && loopback(u.Hostname())
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}

// reach holds that nothing listens beyond this machine unasked, but for a gRPC port that is encrypted and knows its
// callers.
func (c *Config) reach() error {
	if safe := c.TLSCert != "" && c.Authenticates(); !safe {
		if err := c.address("listen", c.Listen, "reaches beyond this machine, and there is no TLS (--tls-cert) or nobody asks who is calling (--callers-file, --jwt-jwks); add --expose if that is meant"); err != nil {
			return err
		}
	} else if err := c.address("listen", c.Listen, ""); err != nil {
		return err
	}
	return c.address("http-listen", c.HTTPListen, "reaches beyond this machine, and the HTTP port has neither TLS nor callers; add --expose if that is meant")
}

// address checks an address. One beyond this machine is refused for the reason given, unless --expose says otherwise
// or there is none.
func (c *Config) address(setting, addr, refused string) error {
	if addr == "" {
		return nil
	}
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return &Error{setting, "expected HOST:PORT, such as 127.0.0.1:8001"}
	}
	if refused == "" || c.Expose || loopback(host) {
		return nil
	}
	return &Error{setting, refused}
}
