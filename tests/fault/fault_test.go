package fault

import (
	"testing"

	"gostore/tests/suite"
)

func TestEveryTestIsListed(t *testing.T) { suite.RequireListed(t, append(Tests(), ResumeTests()...)) }
