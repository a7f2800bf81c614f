package stack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"
)

// Way is one of the three ways to have the servers.
type Way string

const (
	Given    Way = "given"    // RABBITMQ_SERVER and ES_SERVER name running ones
	Docker   Way = "docker"   // containers of the real ones
	Embedded Way = "embedded" // small ones of our own, in Go
)

// ForTests is the order in which tests try the ways, the most real first.
func ForTests() []Way { return []Way{Given, Docker, Embedded} }

// ForStartup is the order for a store that a reader starts: what starts in a second and downloads nothing.
func ForStartup() []Way { return []Way{Given, Embedded} }

// chosen returns the ways to try: preferred, or the one that STACK forces.
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

// Expected returns the way that Acquire tries first of those that may be had, "" if there is none.
func Expected(ctx context.Context, want Request) Way {
	ways, _ := chosen(want.Ways) // Acquire says what is wrong with STACK
	for _, way := range ways {
		if possible(ctx, way, want) == nil {
			return way
		}
	}
	return ""
}

// possible is a quick look at whether a way can be had at all; the error says why not.
func possible(ctx context.Context, way Way, want Request) error {
	switch way {
	case Given:
		return givenInFull(want)
	case Docker:
		return dockerAnswers(ctx)
	}
	return nil
}

func givenInFull(want Request) error {
	if os.Getenv("RABBITMQ_SERVER") == "" {
		return errors.New("RABBITMQ_SERVER is not set")
	}
	if os.Getenv("ES_SERVER") == "" && !want.BrokerOnly {
		return errors.New("ES_SERVER is not set")
	}
	return nil
}

// dockerAnswers asks for the daemon: the docker command alone may be there without one.
func dockerAnswers(ctx context.Context) error {
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
