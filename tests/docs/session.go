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
	firstPort  = 12345 // that the pages name
	services   = 8     // data services and API services
	singlePort = 8888  // of a chapter that is one program
)

// Session is a reader at some terminals, who does what a page says.
type Session struct {
	page      string
	temp      string // takes the place of /tmp
	port      int    // takes the place of firstPort, and the next ones of the next
	ports     *cluster.Ports
	terminals map[string]*terminal
	names     names
}

// OpenSession begins a session. The caller closes it.
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

// reserve looks for ports in a row.
func (s *Session) reserve() error {
	ports, err := cluster.ReservePorts()
	if err != nil {
		return err
	}
	addresses, err := ports.Take(services)
	if err != nil {
		return errors.Join(err, ports.Release())
	}
	first, last := portOf(addresses[0]), portOf(addresses[services-1])
	if last-first == services-1 {
		s.port, s.ports = first, ports
	}
	return nil // it keeps ports with gaps to the end of the process, so as to be given others
}

func portOf(address string) int {
	_, port, _ := strings.Cut(address, ":")
	n, _ := strconv.Atoi(port) // it is one of ours
	return n
}

// Close ends all that runs.
func (s *Session) Close() error {
	var errs []error
	for _, t := range s.terminals {
		errs = append(errs, t.close())
	}
	errs = append(errs, s.ports.Release(), os.RemoveAll(s.temp))
	return errors.Join(errs...)
}

// Do takes a step. An error says where the page and what it describes differ.
func (s *Session) Do(step Step) error {
	t, err := s.terminal(step.Terminal)
	if err != nil {
		return err
	}
	command, err := s.names.fill(step.Command)
	if err != nil {
		return s.failed(step, "", err)
	}
	command = s.hidden(command)
	if step.Terminal == "" {
		printed, err := t.run(command)
		if printed = s.shown(printed); err != nil || !s.names.learn(step.Want, printed, false) {
			return s.failed(step, printed, err)
		}
		return nil
	}
	if err := s.goOn(t, command); err != nil {
		return s.failed(step, s.shown(t.output()), err)
	}
	if len(step.Want) > 0 {
		err = t.await(func(printed string) bool { return s.names.learn(step.Want, s.shown(printed), true) })
	}
	s.names.learnServices(s.shown(t.output()))
	if err != nil {
		return s.failed(step, s.shown(t.output()), err)
	}
	return nil
}

// goOn begins a command that is not waited for.
func (s *Session) goOn(t *terminal, command string) error {
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

// hidden makes of a command of a page one that a reader's own store does not notice.
func (s *Session) hidden(command string) string {
	ports := regexp.MustCompile(`\b(1234[5-9]|1235[0-2]|8888)\b`)
	command = ports.ReplaceAllStringFunc(command, func(port string) string {
		n, _ := strconv.Atoi(port) // see ports
		if n == singlePort {
			n = firstPort
		}
		return strconv.Itoa(n - firstPort + s.port)
	})
	command = strings.ReplaceAll(command, "/tmp/", s.temp+"/")
	start := regexp.MustCompile(`(\./v\d+/script/startup\.sh)\b`)
	if api := s.port + 6; strings.HasPrefix(command, "./v1/") {
		return start.ReplaceAllString(command, fmt.Sprintf("${1} -api-port %d", s.port))
	} else {
		return start.ReplaceAllString(command, fmt.Sprintf("${1} -data-port %d -api-port %d", s.port, api))
	}
}

// shown makes of what was printed what a reader sees.
func (s *Session) shown(printed string) string {
	ports := regexp.MustCompile(`\b(localhost|127\.0\.0\.1):(\d{5})\b`)
	printed = ports.ReplaceAllStringFunc(printed, func(address string) string {
		host, _, _ := strings.Cut(address, ":")
		n := portOf(address) - s.port
		switch {
		case n < 0 || n >= services:
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
		s.page, step.Line, step.Command, reason, strings.Join(step.Want, "\n"), tidy(printed))
}
