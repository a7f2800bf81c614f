# Shortcuts. README.md and CONTRIBUTING.md say what the commands do.
newest := $(lastword $(sort $(wildcard v[1-9])))

.PHONY: help test lint bench docs step run
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-6s %s\n", $$1, $$2 }' Makefile

test: ## run all tests
	go test work

lint: ## run gofmt, go vet and golangci-lint
	.ci/lint.sh

bench: ## measure the newest chapter
	go run ./tests/cmd/bench $(newest)

docs: ## check the pages against the code
	go test ./tests/docs

step: ## print the size of the step between chapters
	go run ./tests/cmd/chapterdiff

run: ## start the newest chapter; Ctrl-C stops it
	./$(newest)/script/startup.sh
