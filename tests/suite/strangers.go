package suite

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gostore/tests/certs"
	"gostore/tests/cluster"
	"gostore/tests/fault/gate"
)

// newCA makes a CA of its own for each call, also of the same name.
func newCA(t testing.TB, name string) *certs.CA {
	ca, err := certs.NewCA(t.TempDir(), name)
	require.NoError(t, err)
	return ca
}

func issue(t testing.TB, ca *certs.CA, name string, change func(*x509.Certificate)) *certs.Files {
	files, err := ca.Issue(name, change)
	require.NoError(t, err)
	return &files
}

// What issue can change in a certificate.
func asIs(*x509.Certificate)        {}
func expired(c *x509.Certificate)   { c.NotAfter = time.Now().Add(-time.Minute) }
func ofServers(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }
func ofAnotherHost(c *x509.Certificate) {
	c.DNSNames, c.IPAddresses = nil, []net.IP{net.IPv4(127, 0, 0, 2)}
}
func configOf(t testing.TB, f *certs.Files) *tls.Config {
	config, err := f.Config()
	require.NoError(t, err)
	return config
}

// strangersAreRefused has clients without a good certificate call a data service: each gets an error, and a
// line of the log says why. An API service that data services refuse, or that refuses them, stores nothing.
func strangersAreRefused(t *testing.T, s *Store) {
	ca, impostor := newCA(t, "ca"), newCA(t, "ca")
	own := s.overTLS(t, ca)
	name, body := NewName(), NewBody(1000)
	own.Put(t, name, body)
	kept := own.allFiles(t)
	for why, certificates := range map[string][]tls.Certificate{
		"tls: client didn't provide a certificate":      nil,
		"x509: certificate signed by unknown authority": configOf(t, issue(t, impostor, "service", asIs)).Certificates,
		"x509: certificate has expired":                 configOf(t, issue(t, ca, "expired", expired)).Certificates,
		"x509: certificate specifies an incompatible":   configOf(t, issue(t, ca, "server", ofServers)).Certificates,
	} {
		stranger := own.as(t, &tls.Config{RootCAs: own.TLS.RootCAs, Certificates: certificates})
		stranger.requireRefused(t, own.Cluster.Data[0], why)
		require.Equal(t, kept, own.allFiles(t), why)
		Eventually(t, 6*recoveryTimeout, func() error { // API services let all clients in
			return stranger.TryGet(t.Context(), stranger.API[0], name, body)
		})
	}
	for _, p := range []*cluster.Process{own.Cluster.Data[0], own.Cluster.API[0]} {
		got := own.Send(t, http.MethodGet, "http://"+p.Address+"/objects/x", nil)
		require.Equal(t, http.StatusBadRequest, got.Status)
		require.Equal(t, "Client sent an HTTP request to an HTTPS server.\n", string(got.Body))
		require.Error(t, own.TryPut(t.Context(), "http://"+p.Address, "x", body)) // that answer, or a reset
	}
	own.requireNoUse(t, issue(t, impostor, "service", asIs), "x509: certificate signed by unknown authority")
	own.requireNoUse(t, own.trusting(t, issue(t, impostor, "trusting", asIs)), "remote error: tls: ")
	require.Equal(t, kept, own.allFiles(t))
	for _, p := range own.Cluster.Data {
		restartWith(t, p, issue(t, ca, "elsewhere", ofAnotherHost))
	}
	own.requireNoPut(t, own.Cluster.API[0], "x509: certificate is valid for 127.0.0.2, not 127.0.0.1")
	require.Equal(t, kept, own.allFiles(t))
}

// overTLS runs a store all of whose connections are TLS, those to RabbitMQ and Elasticsearch too. At the end
// of the test no log has a password.
func (s *Store) overTLS(t *testing.T, ca *certs.CA) *Store {
	s.NeedProcesses(t)
	service, server := issue(t, ca, "service", asIs), configOf(t, issue(t, ca, "server", ofServers))
	var settings, passwords []string
	through := func(name, address, scheme string) {
		if address == "" { // a chapter without Elasticsearch
			return
		}
		u, err := url.Parse(address)
		require.NoError(t, err)
		if u.User == nil { // it asks for no password, and takes one
			u.User = url.UserPassword("elastic", "secret")
		}
		u.Host, u.Scheme = gate.NewTLS(t, server, u.Host).Address, scheme
		settings = append(settings, name+"="+u.String())
		password, _ := u.User.Password()
		passwords = append(passwords, ":"+regexp.QuoteMeta(password)+"@")
	}
	urls := s.Servers.URLs()
	through("RABBITMQ_SERVER", urls.RabbitMQ, "amqps")
	through("ES_SERVER", urls.Elasticsearch, "https")
	own := s.Another(t, func(cfg *cluster.Config) { cfg.TLS, cfg.Env = service, settings })
	t.Cleanup(func() {
		for _, p := range own.Cluster.All() {
			log, err := os.ReadFile(p.LogFile())
			require.NoError(t, err)
			require.NotRegexp(t, strings.Join(passwords, "|"), string(log), p.Name)
		}
	})
	return own
}

// as returns a store for the requests of another client.
func (s *Store) as(t *testing.T, secure *tls.Config) *Store {
	other := *s
	other.TLS, other.HTTP = secure, newHTTP(t, secure)
	return &other
}

// requireRefused sends a data service requests on all of its paths. All fail, and its log says why.
func (s *Store) requireRefused(t *testing.T, p *cluster.Process, why string) {
	t.Helper()
	for _, request := range []string{"PUT /objects/x", "GET /objects/x", "POST /temp/x", "GET /locate/x", "GET /healthz"} {
		method, path, _ := strings.Cut(request, " ")
		_, err := s.DoWith(t.Context(), method, p.URL()+path, http.Header{"Size": {"5"}}, []byte("bytes"))
		require.Error(t, err, "%s: %s", request, why)
	}
	Eventually(t, 6*recoveryTimeout, func() error { return logged(p, why) })
}

// logged returns nil if a line in the end of a service's log has some words.
func logged(p *cluster.Process, words string) error {
	if tail := p.LogTail(); !strings.Contains(tail, words) {
		return fmt.Errorf("%s has not logged %q, but\n%s", p.Name, words, tail)
	}
	return nil
}

// requireNoUse has an API service run with other certificates: it stores nothing, and logs why.
func (s *Store) requireNoUse(t *testing.T, files *certs.Files, why string) {
	t.Helper()
	p := s.Cluster.API[1]
	restartWith(t, p, files)
	s.as(t, configOf(t, files)).requireNoPut(t, p, why)
}

func (s *Store) requireNoPut(t *testing.T, api *cluster.Process, why string) {
	t.Helper()
	Eventually(t, 6*recoveryTimeout, func() error {
		got, err := s.Do(t.Context(), http.MethodPut, ObjectURL(api.URL(), NewName()), NewBody(1000))
		if err == nil {
			require.NotEqual(t, http.StatusOK, got.Status)
			err = logged(api, why)
		}
		return err
	})
}

// trusting returns files with the CA of the store too.
func (s *Store) trusting(t *testing.T, files *certs.Files) *certs.Files {
	var all []byte
	for _, file := range []string{files.CA, caOf(s.Cluster.API[0])} {
		pem, err := os.ReadFile(file)
		require.NoError(t, err)
		all = append(all, pem...)
	}
	both := filepath.Join(t.TempDir(), "both.pem")
	require.NoError(t, os.WriteFile(both, all, 0o600))
	return &certs.Files{Cert: files.Cert, Key: files.Key, CA: both}
}

// caOf returns the value of a service's TLS_CA.
func caOf(p *cluster.Process) (file string) {
	for _, setting := range p.Env {
		if value, ok := strings.CutPrefix(setting, "TLS_CA="); ok {
			file = value
		}
	}
	return file
}

func restartWith(t *testing.T, p *cluster.Process, files *certs.Files) {
	t.Helper()
	require.NoError(t, p.Stop())
	p.Env = append(p.Env[:len(p.Env):len(p.Env)], files.Env()...) // the last of a name counts
	require.NoError(t, p.Start())
}

// allFiles lists what all data services store.
func (s *Store) allFiles(t *testing.T) (files []string) {
	t.Helper()
	for _, p := range s.Cluster.Data {
		require.NoError(t, filepath.WalkDir(p.Root, func(path string, _ fs.DirEntry, err error) error {
			files = append(files, path)
			return err
		}))
	}
	return files
}

// wrongCertificates starts data services with them: they say what is wrong in one line, and exit with 1.
func wrongCertificates(t *testing.T, s *Store) {
	s.NeedProcesses(t)
	ca := newCA(t, "ca")
	good, other := issue(t, ca, "service", asIs), issue(t, newCA(t, "other"), "other", asIs)
	for want, files := range map[string]certs.Files{
		"TLS_CERT, TLS_KEY and TLS_CA must all be set, or none of them": {Cert: good.Cert, CA: good.CA},
		"private key does not match public key":                         {Cert: good.Cert, Key: other.Key, CA: good.CA},
		"TLS_CA: open /none: no such file or directory":                 {Cert: good.Cert, Key: good.Key, CA: "/none"},
		"has no certificate in PEM":                                     {Cert: good.Cert, Key: good.Key, CA: good.Key},
		"certificate signed by unknown authority":                       {Cert: good.Cert, Key: good.Key, CA: other.CA},
		"certificate has expired":                                       *issue(t, ca, "expired", expired),
	} {
		p := s.Cluster.Data[0]
		words := strings.Fields(p.Command())
		service := exec.Command(words[len(words)-1])
		service.Env = append(p.Env[:len(p.Env):len(p.Env)], files.Env()...)
		out, err := service.CombinedOutput()
		var exit *exec.ExitError
		require.True(t, errors.As(err, &exit) && exit.ExitCode() == 1, "%s: %v", want, err)
		require.Regexp(t, "^error: .*"+want+".*\n$", string(out))
		require.Equal(t, 1, strings.Count(string(out), "\n"), "%s", out)
	}
	log, err := os.ReadFile(s.Cluster.Data[0].LogFile())
	require.NoError(t, err)
	require.Equal(t, s.TLS == nil, strings.Contains(string(log), "this data service trusts whoever reaches it"))
}
