module gostore/chapter2

go 1.26.0

require gostore/common v0.0.0

require github.com/streadway/amqp v1.1.0 // indirect

replace (
	gostore/common => ../common
	gostore/tests => ../tests
)
