#!/usr/bin/env bash
# Runs gofmt, go vet (for macOS too, which readers use), and golangci-lint with .golangci.yml in every
# module of go.work. Exits with 1 after printing the findings.
set -euo pipefail
cd "$(dirname "$0")/.."

version=v2.15.0 # a new version may find more: raise it in a separate commit
dir=${XDG_CACHE_HOME:-$HOME/.cache}/gostore/golangci-lint-$version-$(go env GOVERSION)
failed=()

if [ ! -x "$dir/golangci-lint" ]; then
	echo "lint: installing golangci-lint $version"
	GOBIN=$dir GOWORK=off go install "github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$version" \
		|| { echo "error: golangci-lint $version cannot be installed" >&2; exit 1; }
fi

unformatted=$(gofmt -l .)
if [ -n "$unformatted" ]; then
	printf 'gofmt would change:\n%s\n' "$unformatted" >&2
	failed+=(gofmt)
fi

go vet work || failed+=("go vet")
go vet -tags docker work || failed+=("go vet -tags docker")
GOOS=darwin CGO_ENABLED=0 go vet work || failed+=("go vet for macOS")

mapfile -t modules < <(go list -m -f '{{.Dir}}')
for module in "${modules[@]}"; do
	(cd "$module" && "$dir/golangci-lint" run ./...) || failed+=("golangci-lint in $(basename "$module")")
done

if [ ${#failed[@]} -gt 0 ]; then
	(IFS=,; echo "error: lint found something: ${failed[*]}" >&2)
	exit 1
fi
echo "lint: nothing found"
