package service

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
)

// TLS has the configurations of crypto/tls for a service. Without TLS all of them are nil.
type TLS struct {
	Public  *tls.Config // of a server for all clients
	Peers   *tls.Config // of a client of data services, whose certificates are of the store's own CA
	Servers *tls.Config // of a client of RabbitMQ and Elasticsearch, whose may be of the system's CAs too
	mutual  *tls.Config
}

// Mutual returns the configuration of a server for clients that have a certificate of the store's
// own CA. It logs that there is none.
func (t TLS) Mutual(log *slog.Logger) *tls.Config {
	if t.mutual == nil {
		log.Info("without TLS_CERT, TLS_KEY and TLS_CA this data service trusts whoever reaches it")
	}
	return t.mutual
}

// TLS reads the PEM files that TLS_CERT, TLS_KEY and TLS_CA name. If none is set there is no TLS. Err
// returns an error if some are, or if the certificate is not a valid one of the CA: others would
// refuse it.
func (e *Env) TLS() TLS {
	cert, key, ca := e.lookup("TLS_CERT"), e.lookup("TLS_KEY"), e.lookup("TLS_CA")
	if cert == "" && key == "" && ca == "" {
		return TLS{}
	}
	t, err := readTLS(cert, key, ca)
	if err != nil {
		e.err = err
	}
	return t
}

func readTLS(cert, key, ca string) (t TLS, err error) {
	if cert == "" || key == "" || ca == "" {
		return t, errors.New("TLS_CERT, TLS_KEY and TLS_CA must all be set, or none of them")
	}
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return t, fmt.Errorf("TLS_CERT=%s, TLS_KEY=%s: %w", cert, key, err)
	}
	own, all := x509.NewCertPool(), x509.NewCertPool()
	if system, err := x509.SystemCertPool(); err == nil { // there may be no such file
		all = system
	}
	pem, err := os.ReadFile(ca)
	if err != nil {
		return t, fmt.Errorf("TLS_CA: %w", err)
	}
	if !own.AppendCertsFromPEM(pem) || !all.AppendCertsFromPEM(pem) {
		return t, fmt.Errorf("TLS_CA=%s has no certificate in PEM", ca)
	}
	if err := verify(pair, own); err != nil {
		return t, fmt.Errorf("TLS_CERT=%s is refused with TLS_CA=%s: %w", cert, ca, err)
	}
	pairs := []tls.Certificate{pair}
	return TLS{
		Public:  &tls.Config{Certificates: pairs},
		Peers:   &tls.Config{Certificates: pairs, RootCAs: own},
		Servers: &tls.Config{Certificates: pairs, RootCAs: all},
		mutual:  &tls.Config{Certificates: pairs, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: own},
	}, nil
}

// verify returns an error if a certificate is not valid now, or not of a CA.
func verify(pair tls.Certificate, ca *x509.CertPool) error {
	chain := x509.NewCertPool()
	for _, der := range pair.Certificate[1:] {
		between, err := x509.ParseCertificate(der)
		if err != nil {
			return err
		}
		chain.AddCert(between)
	}
	_, err := pair.Leaf.Verify(x509.VerifyOptions{
		Roots: ca, Intermediates: chain, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	return err
}
