package cluster

import "errors"

// Group runs programs that are not part of a chapter, such as another store to compare with. They
// end with this process, even if it is killed.
type Group struct {
	leash     *leash
	processes []*Process
}

// Program describes a process of a Group.
type Program struct {
	Name, Address string // see Process
	Path          string
	Args, Env     []string
	Health        string // path that answers 200 when the program is ready
	LogFile       string
}

// NewGroup returns an empty group. The caller must Stop it.
func NewGroup() (*Group, error) {
	leash, err := newLeash()
	return &Group{leash: leash}, err
}

// Add returns a process that is not started yet.
func (g *Group) Add(of Program) *Process {
	p := &Process{
		Name: of.Name, Address: of.Address, Env: of.Env,
		program: of.Path, args: of.Args, health: of.Health, logFile: of.LogFile, leash: g.leash,
	}
	g.processes = append(g.processes, p)
	return p
}

// Stop stops all processes like Cluster.Stop. None of them runs when it returns.
func (g *Group) Stop() error {
	return errors.Join(stopAll(g.processes), g.leash.kill())
}
