package metrics

import (
	"errors"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func text(s *Set) string {
	got := httptest.NewRecorder()
	s.ServeHTTP(got, nil)
	return got.Body.String()
}

// A service without a disk shows none, and two services in one process share nothing.
func TestOnlyWhatIsAskedForIsShown(t *testing.T) {
	a, b := New(), New()
	require.Empty(t, text(a))
	a.BrokerReconnects().Inc()
	b.BrokerReconnects()
	require.Equal(t, "# HELP gostore_broker_reconnects_total Connections to RabbitMQ after the first.\n# TYPE gostore_broker_reconnects_total counter\ngostore_broker_reconnects_total 1\n", text(a))
	require.Contains(t, text(b), "gostore_broker_reconnects_total 0\n")
}

// Every metric says what it is, and nothing else does.
func TestHelp(t *testing.T) {
	s := New()
	s.DiskFree(func() (int64, error) { return 0, nil })
	s.ObjectsKnown(func() int { return 0 })
	s.BrokerReconnects()
	s.Repaired()
	s.Locates().Took.Update(1)
	s.Shards()
	s.Elasticsearch().Answered(200)
	s.HTTP().Answered(Request{Handler: "objects", Method: "GET", Status: 200})
	require.Empty(t, regexp.MustCompile(`(?m)^# HELP \w+$`).FindAllString(text(s), -1))
	for name, help := range helps() {
		require.Contains(t, text(s), "# HELP gostore_"+name+" "+help+"\n# TYPE gostore_"+name+" ")
	}
}

func TestGauges(t *testing.T) {
	s, sick := New(), error(nil)
	s.DiskFree(func() (int64, error) { return 1 << 40, sick })
	s.ObjectsKnown(func() int { return 7 })
	require.Contains(t, text(s), "\ngostore_disk_free_bytes 1099511627776\n")
	require.Contains(t, text(s), "\ngostore_objects_known 7\n")
	sick = errors.New("the disk does not answer")
	require.Contains(t, text(s), "\ngostore_disk_free_bytes NaN\n")
}

func TestAnswersOfElasticsearch(t *testing.T) {
	s := New()
	e := s.Elasticsearch()
	for _, status := range []int{200, 201, 404, 409, 0, 401, 429, 503} {
		e.Answered(status)
	}
	require.Contains(t, text(s), "\ngostore_elasticsearch_errors_total 4\n")
	require.Contains(t, text(s), "\ngostore_elasticsearch_requests_total{status=\"409\"} 1\n")
	require.Equal(t, 8, strings.Count(text(s), "gostore_elasticsearch_requests_total{"))
}

// A client that makes up methods makes no new series.
func TestMadeUpMethods(t *testing.T) {
	s := New()
	for _, method := range []string{"BREW", "get", `"`, "X\n"} {
		s.HTTP().Answered(Request{Handler: "objects", Method: method, Status: 405})
	}
	require.Contains(t, text(s), "\ngostore_http_requests_total{handler=\"objects\",method=\"other\",status=\"405\"} 4\n")
}
