package fault

import (
	"slices"
	"testing"

	"gostore/tests/suite"
)

func TestEveryTestIsListed(t *testing.T) {
	suite.RequireListed(t, slices.Concat(Tests(), ResumeTests(), MaintenanceTests()))
}
