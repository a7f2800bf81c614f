package suite

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"
)

// TestEveryTestIsListed finds the tests in this package that tests() forgets, and those that it
// lists under another name.
func TestEveryTestIsListed(t *testing.T) {
	listed := map[string]bool{}
	for _, test := range tests() {
		path := strings.Split(runtime.FuncForPC(reflect.ValueOf(test.run).Pointer()).Name(), ".")
		function := path[len(path)-1]
		require.True(t, strings.EqualFold(test.name, function), "%s is listed as %s", function, test.name)
		require.True(t, unicode.IsUpper(rune(test.name[0])), test.name)
		require.False(t, listed[function], "%s is listed twice", function)
		listed[function] = true
	}
	for _, function := range testFunctions(t) {
		require.True(t, listed[function], "%s is not listed in tests.go: no chapter would run it", function)
	}
}

// testFunctions returns the functions of this package that take (*testing.T, *Store) and no more.
func testFunctions(t *testing.T) (functions []string) {
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	for _, file := range files {
		syntax, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		require.NoError(t, err)
		for _, decl := range syntax.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && f.Recv == nil && takesStore(f) {
				functions = append(functions, f.Name.Name)
			}
		}
	}
	require.NotEmpty(t, functions)
	return functions
}

func takesStore(f *ast.FuncDecl) bool {
	params := f.Type.Params.List
	if len(params) != 2 || f.Type.Results != nil {
		return false
	}
	pointer, ok := params[1].Type.(*ast.StarExpr)
	if !ok {
		return false
	}
	name, ok := pointer.X.(*ast.Ident)
	return ok && name.Name == "Store"
}
