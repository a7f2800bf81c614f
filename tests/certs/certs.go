// Package certs makes certificates for tests of TLS, in the files that a service reads.
package certs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// Files are the PEM files of a service, or of a client.
type Files struct{ Cert, Key, CA string }

// Env returns the settings of a service with these files.
func (f Files) Env() []string {
	return []string{"TLS_CERT=" + f.Cert, "TLS_KEY=" + f.Key, "TLS_CA=" + f.CA}
}

// Config returns a configuration with these files: of a server, or of a client that trusts the CA.
func (f Files) Config() (*tls.Config, error) {
	pair, err := tls.LoadX509KeyPair(f.Cert, f.Key)
	if err != nil {
		return nil, err
	}
	ca, err := os.ReadFile(f.CA)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(ca) {
		return nil, errors.New(f.CA + " has no certificate")
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}, RootCAs: roots}, nil
}

// CA signs certificates.
type CA struct {
	dir, file string
	cert      *x509.Certificate
	key       *ecdsa.PrivateKey
}

// NewCA makes a CA of a name whose files are in dir.
func NewCA(dir, name string) (*CA, error) {
	template := newTemplate(name)
	template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, name+".pem")
	return &CA{dir, file, cert, key}, write(file, "CERTIFICATE", der)
}

// Issue makes a certificate of a name for localhost and 127.0.0.1. change may modify it.
func (ca *CA) Issue(name string, change func(template *x509.Certificate)) (Files, error) {
	template := newTemplate(name)
	template.DNSNames, template.IPAddresses = []string{"localhost"}, []net.IP{net.IPv4(127, 0, 0, 1)}
	change(template)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Files{}, err
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, ca.cert, &key.PublicKey, ca.key)
	if err != nil {
		return Files{}, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return Files{}, err
	}
	base := filepath.Join(ca.dir, name)
	f := Files{Cert: base + ".pem", Key: base + ".key", CA: ca.file}
	return f, errors.Join(write(f.Cert, "CERTIFICATE", cert), write(f.Key, "PRIVATE KEY", private))
}

// NewConfig returns Files.Config of a certificate of a CA of its own.
func NewConfig(dir, name string) (*tls.Config, error) {
	ca, err := NewCA(dir, name)
	if err != nil {
		return nil, err
	}
	files, err := ca.Issue("of-"+name, func(*x509.Certificate) {})
	if err != nil {
		return nil, err
	}
	return files.Config()
}

func newTemplate(name string) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(24 * time.Hour),
	}
}

func write(file, kind string, der []byte) error {
	return os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
}
