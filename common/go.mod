module gostore/common

go 1.26.0

require (
	github.com/VictoriaMetrics/metrics v1.45.0
	github.com/hashicorp/golang-lru/v2 v2.0.7
	github.com/olivere/elastic/v7 v7.0.32
	github.com/streadway/amqp v1.1.0
	github.com/stretchr/testify v1.12.1
	go.uber.org/goleak v1.3.0
)

require (
	github.com/josharian/intern v1.0.0 // indirect
	github.com/mailru/easyjson v0.7.7 // indirect
	github.com/pkg/errors v0.9.1 // indirect
	github.com/valyala/fastrand v1.1.0 // indirect
	github.com/valyala/histogram v1.2.0 // indirect
	go.yaml.in/yaml/v3 v3.0.5 // indirect
	golang.org/x/sys v0.38.0 // indirect
)
