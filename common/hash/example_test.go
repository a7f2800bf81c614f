package hash_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"

	"gostore/common/hash"
)

// One hash in both notations: for clients, and for file systems.
func Example() {
	h := hash.Of([]byte("this is object test3"))
	fmt.Println(h)
	fmt.Println(h.Hex())
	// Output:
	// GYqqAdFPt+CScnUDc0/Gcu3kwcWmOADKNYpiZtdbgsM=
	// 198aaa01d14fb7e092727503734fc672ede4c1c5a63800ca358a6266d75b82c3
}

func ExampleFromHeader() {
	announced, err := hash.FromHeader(http.Header{"Digest": {"MD5=x,SHA-256=GYqqAdFPt+CScnUDc0/Gcu3kwcWmOADKNYpiZtdbgsM="}})
	fmt.Println(announced == hash.Of([]byte("this is object test3")), err)
	_, err = hash.FromHeader(http.Header{"Digest": {"SHA-256=incorrecthash"}})
	fmt.Println(err)
	// Output:
	// true <nil>
	// header Digest: invalid SHA-256: "incorrecthash" is not 44 characters of base64 (RFC 4648, section 4)
}

// A Reader never returns the end of content that has another hash.
func ExampleReader() {
	want := hash.Of([]byte("right"))
	for _, content := range []string{"right", "wrong"} {
		got, err := io.ReadAll(hash.NewReader(strings.NewReader(content), want, int64(len(content))))
		fmt.Printf("%q %v\n", got, err)
	}
	// Output:
	// "right" <nil>
	// "" wrong SHA-256: the content has iBCtWB5Z8rw5KLJhcHpxMI9+E56wSCA2bcTVwY2YAiU=, not JwQvTm7KfQsqfuQCbfLs+lHTM55tEiqgmRGOzYVjutk=
}
