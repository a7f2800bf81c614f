package cluster

import "errors"

// Group runs programs that are no chapter's, such as a store to compare with. They end when this
// process does, however that comes about.
type Group struct {
	leash     *leash
	processes []*Process
}

// Program says what a process of a Group runs.
type Program struct {
	Name, Address string // as of a Process
	Path          string
	Args, Env     []string
	Health        string // the path at which it answers 200 when it is ready
	LogFile       string
}

// NewGroup returns a group without processes. Whoever has it must Stop it.
func NewGroup() (*Group, error) {
	leash, err := newLeash()
	return &Group{leash: leash}, err
}

// Add returns a process that does not run yet.
func (g *Group) Add(of Program) *Process {
	p := &Process{
		Name: of.Name, Address: of.Address, Env: of.Env,
		program: of.Path, args: of.Args, health: of.Health, logFile: of.LogFile, leash: g.leash,
	}
	g.processes = append(g.processes, p)
	return p
}

// Stop stops all processes, as Cluster.Stop does. None of them runs when it returns.
func (g *Group) Stop() error {
	return errors.Join(stopTogether(g.processes), g.leash.kill())
}
