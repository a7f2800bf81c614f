package service

import (
	"cmp"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"gostore/common/httpd"
)

// checkHealth asks the service that runs with the same environment whether it is ready. It is for
// containers without a shell, whose health check can run nothing but the service's own program.
func checkHealth(env *Env) error {
	address, secure := cmp.Or(env.Optional("ADVERTISE_ADDRESS"), env.Required("LISTEN_ADDRESS")), env.TLS().Peers
	if err := env.Err(); err != nil {
		return err
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	client := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{TLSClientConfig: secure}}
	answer, err := client.Get(httpd.Scheme(secure) + "://" + net.JoinHostPort(cmp.Or(host, "localhost"), port) + "/healthz")
	if err != nil {
		return err
	}
	defer answer.Body.Close() // only read
	line, err := io.ReadAll(io.LimitReader(answer.Body, 1<<10))
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", answer.Status, strings.TrimSpace(string(line)))
	}
	return err
}
