package docs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"gostore/tests/cluster"
)

const (
	firstPort  = 12345 // of the first data service in the pages
	services   = 8     // data services and API services
	watchPort  = 12300 // of the page that startup.sh serves; in a session it follows the services
	singlePort = 8888  // of a chapter that is one program
)

// Session runs a page's steps in terminals, like a reader.
type Session struct {
	page      string
	temp      string // replaces /tmp
	port      int    // replaces firstPort; the following ports likewise
	ports     *cluster.Ports
	terminals map[string]*terminal
	names     names
}

// OpenSession starts a session. The caller must Close it.
func OpenSession(page string) (s *Session, err error) {
	s = &Session{page: page, terminals: map[string]*terminal{}, names: names{}}
	if s.temp, err = os.MkdirTemp("", "docs-"); err != nil {
		return nil, err
	}
	for s.ports == nil && err == nil {
		err = s.reserve()
	}
	return s, err
}

// reserve reserves consecutive ports, or none if the block has gaps.
func (s *Session) reserve() error {
	ports, err := cluster.ReservePorts()
	if err != nil {
		return err
	}
	addresses, err := ports.Take(services + 1)
	if err != nil {
		return errors.Join(err, ports.Release())
	}
	first, last := portOf(addresses[0]), portOf(addresses[services])
	if last-first == services {
		s.port, s.ports = first, ports
	}
	return nil // blocks with gaps stay reserved, so that the next call gets another one
}

func portOf(address string) int {
	_, port, _ := strings.Cut(address, ":")
	n, _ := strconv.Atoi(port) // it is a reserved port
	return n
}

// Close stops everything that the session started.
func (s *Session) Close() error {
	var errs []error
	for _, t := range s.terminals {
		errs = append(errs, t.close())
	}
	errs = append(errs, s.ports.Release(), os.RemoveAll(s.temp))
	return errors.Join(errs...)
}

// Do runs a step. An error shows the difference between page and output.
func (s *Session) Do(step Step) error {
	t, err := s.terminal(step.Terminal)
	if err != nil {
		return err
	}
	command, err := s.names.fill(step.Command)
	if err != nil {
		return s.failed(step, "", err)
	}
	command = s.rewrite(command)
	if step.Terminal == "" {
		printed, err := t.run(command)
		if printed = s.restore(printed); err != nil || !s.names.learn(step.Want, printed, false) {
			return s.failed(step, printed, err)
		}
		return nil
	}
	if err := s.start(t, command); err != nil {
		return s.failed(step, s.restore(t.output()), err)
	}
	if len(step.Want) > 0 {
		err = t.await(func(printed string) bool { return s.names.learn(step.Want, s.restore(printed), true) })
	}
	s.names.learnServices(s.restore(t.output()))
	if err != nil {
		return s.failed(step, s.restore(t.output()), err)
	}
	return nil
}

// start starts a command without waiting for its end.
func (s *Session) start(t *terminal, command string) error {
	switch command {
	case "":
		return nil
	case interrupt:
		return t.interrupt()
	}
	return t.begin(command)
}

func (s *Session) terminal(name string) (*terminal, error) {
	if t, open := s.terminals[name]; open {
		return t, nil
	}
	root, err := filepath.EvalSymlinks(repository)
	if err != nil {
		return nil, err
	}
	if root, err = filepath.Abs(root); err != nil {
		return nil, err
	}
	t, err := openTerminal(root, s.temp)
	if err == nil {
		s.terminals[name] = t
	}
	return t, err
}

// rewrite returns a page's command with the session's ports and directory.
func (s *Session) rewrite(command string) string {
	ports := regexp.MustCompile(`\b(1234[5-9]|1235[0-2]|8888)\b`)
	command = ports.ReplaceAllStringFunc(command, func(port string) string {
		n, _ := strconv.Atoi(port) // matched by ports
		if n == singlePort {
			n = firstPort
		}
		return strconv.Itoa(n - firstPort + s.port)
	})
	command = strings.ReplaceAll(command, "/tmp/", s.temp+"/")
	start := regexp.MustCompile(`(\./v\d+/script/startup\.sh)\b`)
	flags := fmt.Sprintf("${1} -watch-port %d -data-port %d -api-port %d", s.port+services, s.port, s.port+6)
	if strings.HasPrefix(command, "./v1/") {
		flags = fmt.Sprintf("${1} -watch-port %d -api-port %d", s.port+services, s.port)
	}
	return start.ReplaceAllString(command, flags)
}

// restore returns output with the page's ports and directory.
func (s *Session) restore(printed string) string {
	ports := regexp.MustCompile(`\b(localhost|127\.0\.0\.1):(\d{5})\b`)
	printed = ports.ReplaceAllStringFunc(printed, func(address string) string {
		host, _, _ := strings.Cut(address, ":")
		n := portOf(address) - s.port
		switch {
		case n == services:
			return fmt.Sprintf("%s:%d", host, watchPort)
		case n < 0 || n > services:
			return address
		case strings.HasSuffix(s.page, "v1.md"):
			return fmt.Sprintf("%s:%d", host, singlePort)
		}
		return fmt.Sprintf("%s:%d", host, firstPort+n)
	})
	return strings.ReplaceAll(printed, s.temp, "/tmp")
}

func (s *Session) failed(step Step, printed string, err error) error {
	reason := ""
	if err != nil {
		reason = fmt.Sprintf(" (%v)", err)
	}
	return fmt.Errorf("%s:%d: $ %s%s\n--- the page says:\n%s\n--- it prints:\n%s\n---",
		s.page, step.Line, step.Command, reason, strings.Join(step.Want, "\n"), normalize(printed))
}
