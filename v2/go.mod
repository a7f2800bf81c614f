module gostore/chapter2

go 1.26.0

require (
	gostore/common v0.0.0
	gostore/tests v0.0.0
)

require (
	github.com/rabbitmq/amqp091-go v1.16.0 // indirect
	github.com/streadway/amqp v1.1.0 // indirect
	github.com/stretchr/testify v1.12.1 // indirect
	go.yaml.in/yaml/v3 v3.0.5 // indirect
)

replace (
	gostore/common => ../common
	gostore/tests => ../tests
)
