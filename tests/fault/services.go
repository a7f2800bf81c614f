package fault

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gostore/tests/cluster"
	"gostore/tests/suite"
)

// recoveryTimeout is how long the store may take to notice a fault, or to recover after its end.
const recoveryTimeout = 10 * time.Second

// putMany puts objects of several sizes.
func putMany(t *testing.T, s *suite.Store) map[string][]byte {
	t.Helper()
	bodies := map[string][]byte{}
	for i := range 20 {
		name, body := suite.NewName(), suite.NewBody(20_000+i*suite.Stripe/4) // more than small objects have
		s.Put(t, name, body)
		bodies[name] = body
	}
	return bodies
}

// resumeAll has all data services run again, and returns when they are ready.
func resumeAll(s *suite.Store) error {
	var errs []error
	for _, p := range s.Cluster.Data {
		errs = append(errs, p.Resume())
	}
	// On a busy machine a process needs seconds to start.
	ctx, cancel := context.WithTimeout(context.Background(), suite.RepairTimeout)
	defer cancel()
	return errors.Join(append(errs, s.Cluster.AwaitHealthy(ctx))...)
}

// twoDataServicesDown kills one of six data services and freezes another: everything can be read
// and written throughout.
func twoDataServicesDown(t *testing.T, s *suite.Store) {
	s.AwaitSix(t)
	bodies := putMany(t, s)
	for _, lose := range []func() error{
		func() error { s.Cluster.Data[1].Kill(); return nil },
		func() error { return s.Cluster.Data[4].Freeze() },
	} {
		require.NoError(t, lose())
		require.NoError(t, s.GetAll(t, bodies))
		name, body := suite.NewName(), suite.NewBody(suite.Stripe)
		suite.Eventually(t, recoveryTimeout, func() error { return s.TryPut(t.Context(), s.API[0], name, body) })
		s.RequireObject(t, name, body)
		bodies[name] = body
	}
	require.NoError(t, s.GetAll(t, bodies))
	require.NoError(t, resumeAll(s))
	suite.Eventually(t, recoveryTimeout, func() error { return s.GetAll(t, bodies) })
}

// threeDataServicesDown kills three of six data services: reads and writes fail with one clear line
// and without a wrong byte, until the services are back.
func threeDataServicesDown(t *testing.T, s *suite.Store) {
	s.AwaitSix(t)
	bodies := putMany(t, s)
	for _, i := range []int{0, 2, 5} {
		s.Cluster.Data[i].Kill()
	}
	for name := range bodies {
		require.NoError(t, checkUnreadable(t, s, name))
		break // each takes a second until the API service has noticed
	}
	refused := suite.NewName()
	suite.Eventually(t, recoveryTimeout, func() error { return checkRefused(t, s, refused) })
	for name := range bodies {
		require.NoError(t, checkUnreadable(t, s, name))
	}
	suite.RequireError(t, http.StatusNotFound, s.Get(t, refused))
	require.NoError(t, resumeAll(s))
	suite.Eventually(t, recoveryTimeout, func() error { return s.GetAll(t, bodies) })
}

// checkRefused returns nil once a PUT is refused fast: because too few data services are alive, not
// because one did not answer.
func checkRefused(t *testing.T, s *suite.Store, name string) error {
	t.Helper()
	start := time.Now()
	got, err := s.Do(t.Context(), http.MethodPut, suite.ObjectURL(s.API[0], name), suite.NewBody(1000))
	if err != nil {
		return err
	}
	suite.RequireError(t, http.StatusServiceUnavailable, got)
	require.NotEmpty(t, got.Header.Get("Retry-After"))
	if took := time.Since(start); took > 500*time.Millisecond {
		return fmt.Errorf("refused after %v: %s", took, got.Body)
	}
	return nil
}

// dataServicesKilledInMidPut kills one data service during a PUT, which succeeds, and then two,
// which is one too many: the PUT fails and leaves nothing.
func dataServicesKilledInMidPut(t *testing.T, s *suite.Store) {
	for _, n := range []int{1, 2} {
		s.AwaitSix(t)
		before := uploads(t, s)
		name, body := suite.NewName(), suite.NewBody(8<<20)
		p := s.BeginPut(t, s.API[0], name, body, len(body)/2)
		suite.Eventually(t, recoveryTimeout, func() error { return checkUploads(nonEmpty(uploads(t, s)), before, suite.Shards) })
		for _, p := range withOneUpload(t, s, before)[:n] {
			p.Kill()
		}
		p.Write(t, body[len(body)/2:])
		got, err := p.Answer(time.Minute)
		require.NoError(t, err)
		if n == 1 {
			require.Equal(t, http.StatusOK, got.Status, "%s", got.Body)
			s.RequireObject(t, name, body)
		} else {
			suite.RequireError(t, http.StatusServiceUnavailable, got)
			suite.RequireError(t, http.StatusNotFound, s.Get(t, name))
		}
		require.NoError(t, resumeAll(s))
		suite.Eventually(t, recoveryTimeout, func() error { return checkUploads(uploads(t, s), before, 0) })
	}
}

// withOneUpload returns the data services that have exactly one upload which is not in before: at
// least four of six, since at most one takes a second shard in place of another that refused.
func withOneUpload(t *testing.T, s *suite.Store, before []string) (services []*cluster.Process) {
	t.Helper()
	for _, p := range s.Cluster.Data {
		if checkUploads(uploadsOf(t, p), before, 1) == nil {
			services = append(services, p)
		}
	}
	return services
}

// uploads lists the temporary files of all data services.
func uploads(t *testing.T, s *suite.Store) (files []string) {
	t.Helper()
	for _, p := range s.Cluster.Data {
		files = append(files, uploadsOf(t, p)...)
	}
	return files
}

func uploadsOf(t *testing.T, p *cluster.Process) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(p.Root, "temp", "*"))
	require.NoError(t, err)
	return files
}

// nonEmpty drops empty files. A data service may not have announced an empty upload yet; if it dies
// then, the shard goes to another one.
func nonEmpty(files []string) []string {
	return slices.DeleteFunc(files, func(file string) bool {
		info, err := os.Stat(file)
		return err != nil || info.Size() == 0
	})
}

// checkUploads returns nil if there are n more uploads than before. A data service that was frozen
// may keep an upload that no client knows of for half an hour.
func checkUploads(now, before []string, n int) error {
	now = slices.DeleteFunc(now, func(file string) bool { return slices.Contains(before, file) })
	if len(now) != n {
		return fmt.Errorf("%d uploads are under way: %v", len(now), now)
	}
	return nil
}

// dataServicesDownInMidGet kills one data service and freezes another during a GET, which succeeds;
// then it kills three, and the response breaks off.
func dataServicesDownInMidGet(t *testing.T, s *suite.Store) {
	s.AwaitSix(t)
	name, body := suite.NewName(), suite.NewBody(64<<20)
	s.Put(t, name, body)

	got, err := readWhile(t, s, name, func() {
		s.Cluster.Data[0].Kill()
		require.NoError(t, s.Cluster.Data[3].Freeze())
	})
	require.NoError(t, err)
	require.True(t, bytes.Equal(body, got))
	require.NoError(t, resumeAll(s))
	s.AwaitSix(t)

	got, err = readWhile(t, s, name, func() {
		for _, p := range s.Cluster.Data[:3] {
			p.Kill()
		}
	})
	require.Error(t, err, "%d bytes", len(got))
	require.True(t, bytes.HasPrefix(body, got), "no wrong byte")
	require.NoError(t, resumeAll(s))
	suite.Eventually(t, recoveryTimeout, func() error { return s.TryGet(t.Context(), s.API[0], name, body) })
}

// readWhile reads an object and calls happens after the first MiB.
func readWhile(t *testing.T, s *suite.Store, name string, happens func()) ([]byte, error) {
	t.Helper()
	response, err := s.HTTP.Get(suite.ObjectURL(s.API[0], name))
	require.NoError(t, err)
	defer response.Body.Close() // read to its end
	require.Equal(t, http.StatusOK, response.StatusCode)
	first := make([]byte, 1<<20)
	_, err = io.ReadFull(response.Body, first)
	require.NoError(t, err)
	happens()
	rest, err := io.ReadAll(response.Body)
	if err == nil && int64(len(first)+len(rest)) != response.ContentLength {
		err = errors.New("the response ended early without an error") // net/http prevents that
	}
	return append(first, rest...), err
}
