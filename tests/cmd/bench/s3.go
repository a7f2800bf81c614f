package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// cleanupTimeout bounds the removal of a run's objects from a bucket.
const cleanupTimeout = 5 * time.Minute

// s3Client accesses an S3 endpoint. It uses its own bucket, which close removes.
type s3Client struct {
	core     *minio.Core
	bucket   string
	unsigned bool
}

func newS3Client(ctx context.Context, endpoint *url.URL, keys *credentials.Credentials, unsigned bool) (*s3Client, error) {
	core, err := minio.NewCore(endpoint.Host, &minio.Options{
		Creds:        keys,
		Secure:       endpoint.Scheme == "https",
		Region:       "us-east-1", // otherwise it queries the bucket's location
		BucketLookup: minio.BucketLookupPath,
		Transport:    newTransport(),
		MaxRetries:   1, // a failure is counted, not hidden
	})
	if err != nil {
		return nil, err
	}
	c := &s3Client{core, "bench-" + strings.ToLower(rand.Text()), unsigned}
	if err := core.MakeBucket(ctx, c.bucket, minio.MakeBucketOptions{}); err != nil {
		return nil, fmt.Errorf("make a bucket on %s: %w", endpoint, err)
	}
	return c, nil
}

// put sends an object in one request, as to a chapter. The header announces its SHA-256, which the
// server checks, as a chapter does. By default minio-go hashes the body while it sends it.
func (c *s3Client) put(ctx context.Context, key string, b body) error {
	digest := b.hex()
	if c.unsigned {
		digest = "" // minio-go writes UNSIGNED-PAYLOAD
	}
	_, err := c.core.PutObject(ctx, c.bucket, key, bytes.NewReader(b.bytes), int64(len(b.bytes)), "", digest,
		minio.PutObjectOptions{DisableContentSha256: true})
	return err
}

func (c *s3Client) get(ctx context.Context, key string) (io.ReadCloser, error) {
	object, _, _, err := c.core.GetObject(ctx, c.bucket, key, minio.GetObjectOptions{})
	return object, err
}

func (c *s3Client) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), cleanupTimeout)
	defer cancel()
	objects := c.core.Client.ListObjects(ctx, c.bucket, minio.ListObjectsOptions{Recursive: true})
	var errs []error
	for failed := range c.core.RemoveObjects(ctx, c.bucket, objects, minio.RemoveObjectsOptions{}) {
		errs = append(errs, failed.Err)
	}
	return errors.Join(append(errs, c.core.RemoveBucket(ctx, c.bucket))...)
}
