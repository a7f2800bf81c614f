package stack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"
)

// Way is one of the three ways to get the servers.
type Way string

const (
	Given    Way = "given"    // running servers that RABBITMQ_SERVER and ES_SERVER name
	Docker   Way = "docker"   // the real servers in containers
	Embedded Way = "embedded" // small servers in Go, in place of the real ones
)

// ForTests returns the ways in the order in which tests try them, the real servers first.
func ForTests() []Way { return []Way{Given, Docker, Embedded} }

// ForStartup returns the ways for startup.sh: those that start in a second and download nothing.
func ForStartup() []Way { return []Way{Given, Embedded} }

// chosen returns preferred, or the way that STACK forces.
func chosen(preferred []Way) ([]Way, error) {
	switch forced := Way(os.Getenv("STACK")); forced {
	case "":
		return preferred, nil
	case Given, Docker, Embedded:
		return []Way{forced}, nil
	default:
		return nil, fmt.Errorf("STACK=%s: it must be given, docker or embedded", forced)
	}
}

// checkAvailable returns an error if a way is obviously unavailable.
func checkAvailable(ctx context.Context, way Way, want Request) error {
	switch way {
	case Given:
		return checkGiven(want)
	case Docker:
		return checkDocker(ctx)
	}
	return nil
}

func checkGiven(want Request) error {
	if os.Getenv("RABBITMQ_SERVER") == "" {
		return errors.New("RABBITMQ_SERVER is not set")
	}
	if os.Getenv("ES_SERVER") == "" && !want.BrokerOnly {
		return errors.New("ES_SERVER is not set")
	}
	return nil
}

// checkDocker checks for a Docker daemon: the docker command alone is not enough.
func checkDocker(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if _, err := exec.LookPath("docker"); err != nil {
		return errors.New("there is no docker command")
	}
	if err := exec.CommandContext(ctx, "docker", "info").Run(); err != nil {
		return errors.New("no Docker daemon answers")
	}
	return nil
}
