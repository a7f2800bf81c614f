package uploads

import (
	"context"
	"crypto/sha256"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	stdhash "hash"
	"io"
	"net/http"

	"gostore/chapter9/apiservice/erasure"
	"gostore/chapter9/apiservice/objectstream"
	"gostore/chapter9/apiservice/placement"
	"gostore/chapter9/rs"
	"gostore/common/es"
	"gostore/common/hash"
	"gostore/common/httpd"
)

// stripesBetween is how many stripes are written between two checkpoints: 48 MiB of an object. What came
// after the last one is lost when a service dies.
const stripesBetween = 96

// state is what the record of each part says of the upload, as JSON.
type state struct {
	es.Metadata           // of the version to add; its number is 0 until that is done
	UploadMetadata string // as the client sent it
	Offset         int64  // how many bytes have come
	Sum            []byte // the state of their SHA-256
	Tail           []byte // those that do not make a stripe yet
	Table          []byte // of the stripes that the parts have
	Since          int64  // the newest version of the name when all bytes had come
	Complete       bool   // all bytes have come, and have the hash
}

// upload is an upload that this service has claimed, for one request.
type upload struct {
	service *Service
	state
	object rs.Object
	parts  *erasure.Parts
	sum    stdhash.Hash
	stripe *rs.Stripe
	next   int64 // the number of the stripe in memory
	filled int   // bytes of it that have come
}

func (s *Service) newUpload(id hash.Hash, now state, epoch int64, places placement.Places) (*upload, error) {
	content, err := hash.Parse(now.Hash)
	if err != nil {
		return nil, fmt.Errorf("state of upload %s: %v", id.Hex(), err)
	}
	u := &upload{service: s, state: now, object: rs.NewObject(now.Size, content), sum: sha256.New()}
	u.Upload = hash.Of(id[:]).Hex() // in the version's document, which must not give the ID away
	table, err := rs.ParseEntries(u.object, now.Table)
	if err == nil && !u.Complete && table.Stripes() != now.Offset/rs.StripeSize {
		err = fmt.Errorf("a table of %d stripes", table.Stripes())
	}
	if err != nil {
		return nil, fmt.Errorf("state of upload %s, which has %d bytes: %v", id.Hex(), now.Offset, err)
	}
	u.parts = s.codec.Parts(u.object, id, epoch, table, places)
	u.stripe, u.next = rs.NewStripe(u.object), table.Stripes()
	if now.Sum != nil {
		if err := u.sum.(encoding.BinaryUnmarshaler).UnmarshalBinary(now.Sum); err != nil {
			return nil, fmt.Errorf("state of upload %s: %w", id.Hex(), err)
		}
	}
	if u.Offset < u.Size {
		u.stripe.Reset(u.next)
		u.filled = copy(u.stripe.Data(), now.Tail)
	}
	return u, nil
}

// append adds what a body has of the rest of the object, and leaves a checkpoint after it, also if it breaks
// off. length is −1 if it is not known.
func (u *upload) append(ctx context.Context, body io.Reader, length int64) error {
	rest := u.Size - u.Offset
	if length > rest {
		return httpd.Errorf(http.StatusBadRequest, "the body has %d bytes, but only %d are missing: nothing of it was taken", length, rest)
	}
	for u.Offset < u.Size {
		ended, err := u.appendSome(ctx, body)
		if err == nil && u.Offset < u.Size {
			err = u.checkpoint(ctx, ended != nil)
		}
		if errors.Is(ended, io.EOF) {
			return err
		}
		if ended != nil || err != nil {
			return errors.Join(ended, err)
		}
	}
	if err := u.finish(ctx); err != nil {
		return err
	}
	if n, _ := io.CopyN(io.Discard, body, 1); n > 0 {
		return httpd.Errorf(http.StatusBadRequest, "the body has more than the %d bytes that were missing: the others were ignored", rest)
	}
	return nil
}

// appendSome writes the stripes from one checkpoint to the next. ended is the error of the body, io.EOF at
// its end; err says that the parts cannot be written.
func (u *upload) appendSome(ctx context.Context, body io.Reader) (ended, err error) {
	u.parts.Open(ctx)
	for n := 0; n < stripesBetween && ended == nil && err == nil && u.Offset < u.Size; n++ {
		ended, err = u.fill(ctx, body)
	}
	return ended, errors.Join(err, u.parts.Close(ctx))
}

// fill reads until the stripe in memory is full, and writes it then.
func (u *upload) fill(ctx context.Context, body io.Reader) (ended, err error) {
	free := u.stripe.Data()[u.filled:]
	n, ended := io.ReadFull(body, free)
	if errors.Is(ended, io.ErrUnexpectedEOF) {
		ended = io.EOF
	}
	u.sum.Write(free[:n]) // never fails
	u.filled += n
	u.Offset += int64(n)
	if n < len(free) {
		return ended, nil
	}
	if err := u.parts.Write(ctx, u.stripe); err != nil {
		return nil, err
	}
	u.next, u.filled = u.next+1, 0
	if u.Offset < u.Size {
		u.stripe.Reset(u.next)
	}
	return nil, nil
}

// checkpoint makes durable what has come. With last the upload may be claimed at once.
func (u *upload) checkpoint(ctx context.Context, last bool) error {
	next := objectstream.Checkpoint{Last: last, State: u.encoded()}
	if u.Complete {
		next.Content = hash.Hash(u.object.Hash()).Hex()
	}
	return u.parts.Checkpoint(ctx, next)
}

func (u *upload) encoded() []byte {
	u.Sum, _ = u.sum.(encoding.BinaryMarshaler).MarshalBinary() // that of SHA-256 never fails
	u.Tail, u.Table = nil, u.parts.Table()
	if u.filled > 0 {
		u.Tail = u.stripe.Data()[:u.filled]
	}
	b, _ := json.Marshal(u.state) // of numbers, bytes and strings that never fails
	return b
}

// finish makes content of the parts and adds the version, once, however often it is called. Wrong bytes end
// the upload.
func (u *upload) finish(ctx context.Context) error {
	if u.Version > 0 {
		return nil
	}
	if !u.Complete {
		if err := hash.Check(u.sum, u.object.Hash()); err != nil {
			u.parts.Drop(ctx)
			return err
		}
		newest, err := u.service.versions.Latest(ctx, u.Name)
		if err != nil && !errors.Is(err, es.ErrNotFound) {
			return err
		}
		u.Since, u.Complete = newest.Version, true
	}
	if err := u.checkpoint(ctx, false); err != nil {
		return err
	}
	if err := u.addVersion(ctx); err != nil {
		return err
	}
	_ = u.checkpoint(ctx, true) // else the version is found again
	return nil
}

// addVersion looks first whether a service that died has added it, below the floor too. (One that was frozen
// just before it adds the version, and goes on after another has added it, adds it twice.)
func (u *upload) addVersion(ctx context.Context) error {
	for version := u.Since + 1; ; version++ {
		m, err := u.service.versions.Client.Version(ctx, u.Name, version)
		if errors.Is(err, es.ErrNotFound) {
			break
		}
		if err != nil {
			return err
		}
		if m.Upload == u.Upload {
			u.Version = version
			return nil
		}
	}
	added, err := u.service.versions.Add(ctx, u.Metadata)
	u.Version = added
	return err
}
