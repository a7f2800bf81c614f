package docs

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const sample = "# Title 标题：一\n\nSee [there](other.md#a) and `code`, 1,000 of 20.\n\n" +
	"```console 1\n$ start\nready\n```\n\n## Two *words*\n\n| a | test |\n|---|---|\n| x | `One`, `Two` |\n\n" +
	"```console\n$ cat <file>\none\n\ntwo\n$ true\n```\n\n```console 1\nmore\n^C\n```\n\n```go f.go F\n```\n"

func TestParse(t *testing.T) {
	p := parse("docs/x.md", []byte(sample))
	require.Len(t, p.Sections, 3)
	require.Equal(t, map[string]bool{"title-标题一": true, "two-words": true}, p.Anchors())
	require.Equal(t, []Link{{"other.md#a", 3}}, p.Sections[1].Links)
	require.Equal(t, []string{"code"}, p.Sections[1].Spans)
	require.Equal(t, []string{"1,000", "20"}, p.Sections[1].Figures())
	table := p.Sections[2].Tables[0]
	require.Equal(t, []string{"a", "test"}, table.Head)
	require.Equal(t, []string{"One", "Two"}, table.Rows[1][1])
	require.Equal(t, []Block{{Language: "go", Of: "f.go F", Line: 30}}, p.Blocks("go"))
}

func TestSteps(t *testing.T) {
	require.Equal(t, []Step{
		{Terminal: "1", Line: 6, Command: "start", Want: []string{"ready"}},
		{Line: 17, Command: "cat <file>", Want: []string{"one", "", "two"}},
		{Line: 21, Command: "true"},
		{Terminal: "1", Line: 25, Want: []string{"more"}},
		{Terminal: "1", Line: 26, Command: interrupt},
	}, Steps(parse("docs/x.md", []byte(sample))))
	late := strings.Replace(sample, "console 1\n$ start", "console\n$ start", 1) + "```console 1\n$ late\n```\n"
	require.Equal(t, "1", Steps(parse("docs/x.md", []byte(late)))[0].Terminal, "the store is started first")
}

func TestPlaceholders(t *testing.T) {
	n := names{}
	require.True(t, n.learn([]string{"pid <pid>   at <holder>", ""}, "pid 17 at localhost:12347\n\n", false))
	require.True(t, n.learn([]string{"pid <pid> at <holder>"}, "pid 18 at localhost:12347", false), "a pid may differ")
	require.False(t, n.learn([]string{"pid <pid> at <holder>"}, "pid 18 at localhost:12348", false), "the holder may not")
	require.False(t, n.learn([]string{"pid <pid>"}, "pid x", false))
	require.False(t, n.learn([]string{"one"}, "one\ntwo", false), "all of it is compared")
	require.True(t, n.learn([]string{"two"}, "one\ntwo\nthree", true), "and of what goes on, where it comes")
	require.False(t, n.learn([]string{"tw"}, "one\ntwo", true), "whole lines")
	require.True(t, n.learn([]string{"Date: <date>"}, "Date: Wed, 25 Nov 2026 09:47:46 GMT", false))

	n.learnServices("v2 is running.\n  dataservice-3  localhost:12347  pid 4711   /tmp/gostore/3\n")
	n["i"] = "3"
	for _, command := range []string{"kill <pid of dataservice-3>", "kill <pid of holder>", "kill <pid of dataservice-<i>>"} {
		filled, err := n.fill(command)
		require.NoError(t, err)
		require.Equal(t, "kill 4711", filled)
	}
	_, err := n.fill("echo <unknown>")
	require.ErrorIs(t, err, errUnknownName)
}

func TestRewriteAndRestore(t *testing.T) {
	s := &Session{page: "docs/v2.md", temp: "/var/x", port: 20040}
	require.Equal(t, "./v2/script/startup.sh -watch-port 20048 -data-port 20040 -api-port 20046 -d /var/x/gostore2", s.rewrite("./v2/script/startup.sh -d /tmp/gostore2"))
	require.Equal(t, "curl http://localhost:20047/objects/1234567", s.rewrite("curl http://localhost:12352/objects/1234567"))
	require.Equal(t, "data service localhost:12346, /tmp/gostore2/1", s.restore("data service localhost:20041, /var/x/gostore2/1"))
	require.Equal(t, "127.0.0.1:33333", s.restore("127.0.0.1:33333"), "not a port of the session")
	s.page = "docs/v1.md"
	require.Equal(t, "./v1/script/startup.sh -watch-port 20048 -api-port 20040", s.rewrite("./v1/script/startup.sh"))
	require.Equal(t, "localhost:8888", s.restore("localhost:"+strings.TrimPrefix(s.rewrite("localhost:8888"), "localhost:")))
}

func TestDeclarationsAreFound(t *testing.T) {
	for name, first := range map[string]string{
		"Dir.Save": "// Save writes", "Temp": "// Temp is", "Temp.commitTo": "func (t *Temp) commitTo", "ErrInUse": "// ErrInUse is",
	} {
		lines, err := declaration("common/files/files.go", name)
		require.NoError(t, err)
		require.Contains(t, lines[0], first)
	}
	_, err := declaration("common/files/files.go", "Nothing")
	require.Error(t, err)
	require.NoError(t, contains("v5/rs/doc.go", []string{"     0      4  \"gors\""}))
	require.Error(t, contains("v5/rs/doc.go", []string{"     0      4"}), "not a whole line")
}

func TestBlocksAreReplaced(t *testing.T) {
	p := parse("docs/x.md", []byte("a\n```go x\nold\n```\nb\n```go y\n```\nc\n"))
	now := Replaced(p, p.Blocks("go"), [][]string{{"1", "2"}, {"3"}})
	require.Equal(t, "a\n```go x\n1\n2\n```\nb\n```go y\n3\n```\nc\n", string(now))
}
