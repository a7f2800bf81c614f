package cluster

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestAllOfCommonIsShown fails for a package of common that inputs.go does not import.
func TestAllOfCommonIsShown(t *testing.T) {
	all, err := exec.Command("go", "list", "gostore/common/...").Output()
	require.NoError(t, err)
	imported, err := exec.Command("go", "list", "-f", `{{join .Imports "\n"}}`, ".").Output()
	require.NoError(t, err)
	require.NotEmpty(t, all)
	require.Subset(t, strings.Fields(string(imported)), strings.Fields(string(all)))
}
