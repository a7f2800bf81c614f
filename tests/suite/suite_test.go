package suite

import "testing"

func TestEveryTestIsListed(t *testing.T) { RequireListed(t, append(tests(), exercises()...)) }
