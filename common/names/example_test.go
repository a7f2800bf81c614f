package names_test

import (
	"fmt"

	"gostore/common/names"
)

// The name in a request's path, and its file in chapters 1 and 2.
func Example() {
	for _, path := range []string{"/objects/greeting", "/objects/2026%2Freport", "/objects/%61", "/objects/a/b", "/objects/.."} {
		name, err := names.FromPath(path)
		if err != nil {
			fmt.Println(err)
			continue
		}
		file, err := names.File(name)
		fmt.Println(name, file, err)
	}
	// Output:
	// greeting greeting <nil>
	// 2026/report 2026%2Freport <nil>
	// a a <nil>
	// invalid object name: it holds a slash: write it as %2F
	// invalid object name: ".." is not a name
}
