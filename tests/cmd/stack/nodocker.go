//go:build !docker

package main

import (
	"context"
	"errors"

	"gostore/tests/stack"
)

func inDocker() startDocker {
	return func(context.Context, string, bool) (stack.Servers, error) {
		return nil, errors.New("this program was built without the tag docker")
	}
}
