package chapter6_test

import (
	"testing"

	"gostore/tests/fault"
	"gostore/tests/suite"
)

func TestMain(m *testing.M) { suite.Main(m) }

func TestChapter(t *testing.T) { suite.Run(t, 6, append(fault.Tests(), fault.ResumeTests()...)...) }
