package auth

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/server/auth/authtest"
	"github.com/bedside-lm/bedside/server/config"
)

const someKey = "{key: 0011223344556677, sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855, roles: [operator]}"

func TestCallersFile(t *testing.T) {
	for name, c := range map[string]struct{ file, wrong string }{
		"nothing":               {"", ""},
		"a remark":              {"# none yet\n", ""},
		"a key":                 {"- " + someKey, ""},
		"no list":               {"key: 1", "no list of callers"},
		"an unknown field":      {"- {key: 0011223344556677, role: operator}", "no list of callers"},
		"neither":               {"- {roles: [operator]}", "entry 1: needs either key or certificate"},
		"both":                  {"- {key: a, certificate: b, roles: [operator]}", "entry 1: needs either"},
		"no roles":              {"- {certificate: CN=a}", "entry 1: roles must be some of"},
		"twice":                 {"- " + someKey + "\n- " + someKey, "entry 2: another entry has this key"},
		"a short hash":          {"- {key: 0011223344556677, sha256: e3b0, roles: [operator]}", "entry 1: key must be"},
		"one certificate twice": {"- {certificate: CN=a, roles: [operator]}\n- {certificate: CN=a, roles: [auditor]}", "entry 2: another"},
		"no SPIFFE ID":          {"- {certificate: 'spiffe://', roles: [operator]}", "no SPIFFE ID"},
		"a hash too many":       {"- {certificate: CN=a, sha256: e3b0, roles: [operator]}", "sha256 goes with key"},
		"a date that is none":   {"- {certificate: CN=a, roles: [operator], expires: soon}", "no list of callers"},
	} {
		_, err := parseCallers([]byte(c.file))
		if c.wrong == "" {
			require.NoError(t, err, name)
			continue
		}
		require.ErrorContains(t, err, c.wrong, name)
		var e *config.Error
		require.ErrorAs(t, err, &e, name)
	}
}

func FuzzCallersFile(f *testing.F) {
	f.Add([]byte("- " + someKey))
	f.Add([]byte("- {certificate: 'spiffe://a/b', roles: [auditor], tenant: t, expires: 2030-01-01}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		known, err := parseCallers(data)
		if err != nil {
			return
		}
		for id, e := range known.keys {
			if len(e.Roles) == 0 || !keyIDPattern.MatchString(id) {
				t.Errorf("%q was taken", e)
			}
		}
	})
}

func TestTLSFiles(t *testing.T) {
	ca, dir := authtest.NewCA(t), t.TempDir()
	certPEM, keyPEM := ca.Issue("one", "")
	_, otherKey := ca.Issue("two", "")
	cert, key := authtest.Write(t, dir, "cert.pem", certPEM), authtest.Write(t, dir, "key.pem", keyPEM)
	other, bad := authtest.Write(t, dir, "other.pem", otherKey), authtest.Write(t, dir, "bad.pem", []byte("nothing"))
	for name, c := range map[string]struct {
		cfg   config.Security
		wrong string
	}{
		"fine":                    {config.Security{TLSCert: cert, TLSKey: key, TLSClientCA: cert}, ""},
		"another's key":           {config.Security{TLSCert: cert, TLSKey: other}, "does not go with"},
		"no certificate":          {config.Security{TLSCert: bad, TLSKey: key}, "does not go with"},
		"no authority":            {config.Security{TLSCert: cert, TLSKey: key, TLSClientCA: bad}, "holds no certificate"},
		"a key that is not there": {config.Security{TLSCert: cert, TLSKey: dir + "/none"}, "--tls-key: names a file that cannot be read"},
	} {
		data, err := readTLS(&c.cfg)
		if err == nil {
			_, err = parseTLS(data)
		}
		if c.wrong == "" {
			require.NoError(t, err, name)
		} else {
			require.ErrorContains(t, err, c.wrong, name)
			require.NotContains(t, err.Error(), "PRIVATE")
		}
	}
}
