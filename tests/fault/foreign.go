package fault

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"gostore/tests/suite"
)

// Forge gives a shard file blocks of other content, with checksums that fit (docs/format.md).
func Forge(file []byte) []byte {
	const blockSize, sumSize = suite.Stripe / suite.DataShards, 4
	file = bytes.Clone(file)
	seed := binary.BigEndian.Uint32(file[headerSize-sumSize:])
	for stripe, rest := uint32(0), blocksOf(file); len(rest) > 0; stripe++ {
		n := min(blockSize, len(rest)-sumSize)
		rest[0] ^= 1
		sum := crc32.Update(seed+stripe, crc32.MakeTable(crc32.Castagnoli), rest[:n])
		binary.BigEndian.PutUint32(rest[n:], sum)
		rest = rest[n+sumSize:]
	}
	return file
}

// blocksOf returns a shard file without its header and the table that it ends with from version 3 on.
func blocksOf(file []byte) []byte {
	size, end := int(binary.BigEndian.Uint64(file[12:])), len(file)
	if entry := map[byte]int{3: 8, 4: 12}[versionOf(file)]; entry > 0 {
		end -= (size+suite.Stripe-1)/suite.Stripe*entry + 4
	}
	return file[headerSize:end]
}

// versionOf returns the version of a shard file: 2 in chapters 5 and 6, 3 in 7 and 8, 4 in 9.
func versionOf(file []byte) byte { return file[4] }

// requireNoCleanEnd requires that a GET fails or that its answer breaks off.
func requireNoCleanEnd(t *testing.T, s *suite.Store, name string) {
	t.Helper()
	got, err := s.Do(t.Context(), http.MethodGet, suite.ObjectURL(s.API[0], name), nil)
	require.True(t, err != nil || got.Status == http.StatusServiceUnavailable, "%d", got.Status)
}

// foreignShard replaces a shard by one of other content whose checksums fit. No GET of it ends cleanly with
// a wrong byte. One of an object of one stripe succeeds; of a longer one the next does. The shard is quarantined and
// made anew.
func foreignShard(t *testing.T, s *suite.Store) {
	s.NeedProcesses(t)
	for _, size := range []int{20_000, 3*suite.Stripe + 5} {
		body := suite.NewBody(size)
		name, files, contents := s.PutShards(t, body)
		require.NoError(t, os.WriteFile(files[1], Forge(contents[1]), 0o644))
		if size > suite.Stripe {
			requireNoCleanEnd(t, s, name)
		}
		suite.Eventually(t, suite.RepairTimeout, func() error { // a GET that another shard was faster for sees nothing
			if size <= suite.Stripe {
				require.Equal(t, body, s.Get(t, name).Body)
			}
			return s.CheckShards(t.Context(), body, contents)
		})
		s.RequireObject(t, name, body)
		quarantined, err := os.ReadFile(filepath.Join(s.OwnerOf(t, files[1]).Root, "quarantine", filepath.Base(files[1])))
		require.NoError(t, err)
		require.Equal(t, Forge(contents[1]), quarantined)
	}
}

// foreignShardIsNotMultiplied has only a parity shard of other content left beside three genuine ones:
// nothing is repaired from it, the genuine ones stay, and a PUT restores the object.
func foreignShardIsNotMultiplied(t *testing.T, s *suite.Store) {
	s.NeedProcesses(t)
	body := suite.NewBody(3*suite.Stripe + 5)
	name, files, contents := s.PutShards(t, body)
	require.NoError(t, os.WriteFile(files[4], Forge(contents[4]), 0o644))
	remove(t, files[0])
	remove(t, files[5])
	requireNoCleanEnd(t, s, name)
	requireNoCleanEnd(t, s, name)
	for _, i := range []int{0, 5} {
		require.NoFileExists(t, files[i])
	}
	for _, i := range []int{1, 2, 3} {
		now, err := os.ReadFile(files[i])
		require.NoError(t, err)
		require.True(t, bytes.Equal(contents[i], now), "shard %d", i)
	}
	requireNoCleanEnd(t, s, name)
	s.Put(t, suite.NewName(), body)
	s.RequireObject(t, name, body)
}

// foreignShardIsFoundByPut has a foreign shard among five genuine ones, and one alone: a PUT of the content
// does not count it, so all GETs after that succeed.
func foreignShardIsFoundByPut(t *testing.T, s *suite.Store) {
	s.NeedProcesses(t)
	for _, size := range []int{20_000, 3*suite.Stripe + 5} {
		for _, foreign := range []int{0, 4} {
			for _, alone := range []bool{false, true} {
				body := suite.NewBody(size)
				_, files, contents := s.PutShards(t, body)
				require.NoError(t, os.WriteFile(files[foreign], Forge(contents[foreign]), 0o644))
				for i := range files {
					if alone && i != foreign {
						remove(t, files[i])
					}
				}
				name := suite.NewName()
				s.Put(t, name, body)
				s.RequireRepaired(t, name, body, contents)
			}
		}
	}
}
