package chapter7_test

import (
	"testing"

	"gostore/tests/fault"
	"gostore/tests/suite"
)

func TestMain(m *testing.M) { suite.Main(m) }

func TestChapter(t *testing.T) { suite.Run(t, 7, append(fault.Tests(), fault.ResumeTests()...)...) }
