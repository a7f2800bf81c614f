module gostore/chapter1

go 1.26.0

require gostore/common v0.0.0

replace (
	gostore/common => ../common
	gostore/tests => ../tests
)
