package docs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	commandTimeout = 3 * time.Minute // for a command to end or to print the expected output; startup.sh builds first
	poll           = 10 * time.Millisecond
)

// ended matches what a terminal prints after a command.
func ended() *regexp.Regexp { return regexp.MustCompile("\x01(\\d+)\n$") }

var errSlow = errors.New("it took too long")

// terminal is a shell. It is not safe for concurrent use.
type terminal struct {
	shell   *exec.Cmd
	input   io.WriteCloser
	running string        // command that was started last
	done    chan struct{} // closed when all output was read

	mu      sync.Mutex
	printed bytes.Buffer // since the last step
}

// openTerminal starts a shell in dir. The shell and its children end when its input ends, even if
// this process is killed.
func openTerminal(dir, temp string) (*terminal, error) {
	t := &terminal{shell: exec.Command("bash", "--norc", "--noprofile"), done: make(chan struct{})}
	t.shell.Dir, t.shell.Env = dir, append(ownEnvironment(os.Environ()), "TMPDIR="+temp, "LC_ALL=C.UTF-8")
	output, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	t.shell.Stdout, t.shell.Stderr = write, write
	if t.input, err = t.shell.StdinPipe(); err != nil {
		return nil, err
	}
	if err := t.shell.Start(); err != nil {
		return nil, err
	}
	_ = write.Close() // the shell has a copy
	go t.read(output)
	return t, t.enter(`set -m; trap 'kill $(jobs -p) 2>/dev/null' EXIT`)
}

// ownEnvironment removes settings that change what commands do: other servers, or a go command that
// does not see all modules. Programs are linked without debug information, in half the time.
func ownEnvironment(env []string) []string {
	env = slices.DeleteFunc(env, func(setting string) bool {
		name, _, _ := strings.Cut(setting, "=")
		return slices.Contains([]string{"STACK", "RABBITMQ_SERVER", "ES_SERVER", "GOFLAGS", "GOWORK", "TLS_CERT", "TLS_KEY", "TLS_CA"}, name)
	})
	return append(env, "GOFLAGS=-ldflags=-w")
}

func (t *terminal) read(output *os.File) {
	defer close(t.done)
	defer output.Close() // read to its end
	buffer := make([]byte, 4<<10)
	for {
		n, err := output.Read(buffer)
		t.mu.Lock()
		t.printed.Write(buffer[:n])
		t.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (t *terminal) enter(line string) error {
	_, err := io.WriteString(t.input, line+"\n")
	return err
}

// output returns what was printed since forget was called.
func (t *terminal) output() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.printed.String()
}

func (t *terminal) forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.printed.Reset()
}

// run runs a command to its end and returns its output.
func (t *terminal) run(command string) (printed string, err error) {
	t.forget()
	// Without job control, which prints messages about jobs, and without the shell's input.
	quoted := "'" + strings.ReplaceAll(command, "'", `'\''`) + "'"
	if err := t.enter("set +m; eval " + quoted + ` </dev/null; printf '\001%d\n' $?`); err != nil {
		return "", err
	}
	err = t.await(func(printed string) bool { return ended().MatchString(printed) })
	return ended().ReplaceAllString(t.output(), ""), err
}

// begin starts a command, in the foreground as far as a reader can tell.
func (t *terminal) begin(command string) error {
	t.forget()
	t.running = command
	return t.enter(command + " </dev/null & job=$!")
}

// interrupt sends Ctrl-C and returns when the command has ended, which must be with 0. (go run
// always returns 1.)
func (t *terminal) interrupt() error {
	t.forget()
	if err := t.enter(`kill -INT -- -$job; wait $job; printf '\001%d\n' $?`); err != nil {
		return err
	}
	err := t.await(func(printed string) bool { return ended().MatchString(printed) })
	if code := ended().FindStringSubmatch(t.output()); err == nil && code[1] != "0" && !strings.Contains(t.running, "go run ") {
		err = fmt.Errorf("it ended with %s", code[1])
	}
	return err
}

// await polls until ok reports true for the output.
func (t *terminal) await(ok func(printed string) bool) error {
	for deadline := time.Now().Add(commandTimeout); ; time.Sleep(poll) {
		switch printed := t.output(); {
		case ok(printed):
			return nil
		case time.Now().After(deadline):
			return fmt.Errorf("%w: more than %v", errSlow, commandTimeout)
		}
	}
}

// close ends the shell and its children.
func (t *terminal) close() error {
	err := t.input.Close()
	<-t.done
	_ = t.shell.Wait() // the exit status does not matter
	return err
}
