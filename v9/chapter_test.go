package chapter9_test

import (
	"slices"
	"testing"

	"gostore/tests/fault"
	"gostore/tests/suite"
)

func TestMain(m *testing.M) { suite.Main(m) }

func TestChapter(t *testing.T) {
	suite.Run(t, 9, slices.Concat(fault.Tests(), fault.ResumeTests(), encodingTests(), scanTests(), smallTests(), largeTests(), fault.MaintenanceTests())...)
}
