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

// RequireListed checks the list of tests of the package in the working directory: it must have
// every test function once, under its own name.
func RequireListed(t *testing.T, tests []Test) {
	t.Helper()
	listed := map[string]bool{}
	for _, test := range tests {
		path := strings.Split(runtime.FuncForPC(reflect.ValueOf(test.Run).Pointer()).Name(), ".")
		function := path[len(path)-1]
		require.True(t, strings.EqualFold(test.Name, function), "%s is listed as %s", function, test.Name)
		require.True(t, unicode.IsUpper(rune(test.Name[0])), test.Name)
		require.False(t, listed[function], "%s is listed twice", function)
		listed[function] = true
	}
	for _, function := range testFunctions(t) {
		require.True(t, listed[function], "%s is not in the list of tests: it would never run", function)
	}
}

// testFunctions returns the functions of the package that take exactly (*testing.T, *Store).
func testFunctions(t *testing.T) (functions []string) {
	t.Helper()
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
	_, first := params[0].Type.(*ast.StarExpr) // another first parameter is a context
	pointer, ok := params[1].Type.(*ast.StarExpr)
	if !first || !ok {
		return false
	}
	of := pointer.X
	if elsewhere, ok := of.(*ast.SelectorExpr); ok {
		of = elsewhere.Sel
	}
	name, ok := of.(*ast.Ident)
	return ok && name.Name == "Store"
}
