package chapter5_test

import (
	"testing"

	"gostore/tests/fault"
	"gostore/tests/suite"
)

func TestMain(m *testing.M) { suite.Main(m) }

func TestChapter(t *testing.T) { suite.Run(t, 5, fault.Tests()...) }
