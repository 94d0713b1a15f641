// Package imaging makes pictures safe to serve: it judges them by their
// header before anything is decoded, decodes one at a time, and encodes them
// anew, so that nothing of the sender's file but its pixels comes out. Where
// pictures are stored, and who may see them, is not its business.
package imaging

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"sync/atomic"

	"golang.org/x/image/webp"

	"ostiary/app/port"
)

var _ port.Imager = (*Imager)(nil)

const (
	maxPixels    = 40_000_000
	maxSide      = 2048 // of the picture that is kept
	maxThumbnail = 256
	quality      = 85

	// maxBytes bounds what is stored: a lossy picture with transparency grows
	// when it becomes a PNG, and a document of MongoDB ends at 16 MiB.
	maxBytes = 5 << 20

	// maxWaiting bounds the callers that hold a raw picture while they wait.
	maxWaiting = 16
)

// Imager implements port.Imager. A decoded picture of 40 megapixels takes
// some hundred megabytes, so there is one at a time.
type Imager struct {
	turn    chan struct{}
	waiting atomic.Int32
}

// New returns an Imager; all callers of a process share one.
func New() *Imager { return &Imager{turn: make(chan struct{}, 1)} }

// Prepare implements port.Imager. The picture kept has at most 2048 pixels a
// side, upright by its EXIF orientation. It returns port.ErrBusy when too many
// callers wait, and when ctx ends first.
func (i *Imager) Prepare(ctx context.Context, raw []byte) (port.Picture, error) {
	f, err := judge(raw)
	if err != nil {
		return port.Picture{}, err
	}
	if err := i.enter(ctx); err != nil {
		return port.Picture{}, err
	}
	defer func() { <-i.turn }()
	src, err := decode(f, raw)
	if err != nil {
		return port.Picture{}, err
	}
	return render(ctx, src, orientation(f, raw))
}

func (i *Imager) enter(ctx context.Context) error {
	if i.waiting.Add(1) > maxWaiting {
		i.waiting.Add(-1)
		return port.ErrBusy
	}
	defer i.waiting.Add(-1)
	if ctx.Err() != nil {
		return port.ErrBusy.Because(context.Cause(ctx))
	}
	select {
	case i.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return port.ErrBusy.Because(context.Cause(ctx))
	}
}

// decode turns a decoder's panic into a refusal: what it chokes on is input.
func decode(f format, raw []byte) (src image.Image, err error) {
	defer func() {
		if r := recover(); r != nil {
			src, err = nil, port.ErrImage.Because(fmt.Errorf("decode picture: %v", r))
		}
	}()
	switch f {
	case formatPNG:
		src, err = png.Decode(bytes.NewReader(raw))
	case formatJPEG:
		src, err = jpeg.Decode(bytes.NewReader(raw))
	case formatWebP:
		src, err = webp.Decode(bytes.NewReader(raw))
	}
	if err != nil {
		return nil, port.ErrImage.Because(err)
	}
	// The header that was judged and the picture are read by the same code;
	// should they ever differ, the picture counts.
	if b := src.Bounds(); !acceptable(b.Dx(), b.Dy()) {
		return nil, port.ErrImage
	}
	return src, nil
}

func render(ctx context.Context, src image.Image, orient int) (port.Picture, error) {
	opaque := isOpaque(src)
	full := upright(shallow(fit(src, maxSide)), orient)
	if ctx.Err() != nil {
		return port.Picture{}, port.ErrBusy.Because(context.Cause(ctx))
	}
	var p port.Picture
	for {
		media, out, err := encode(full, opaque)
		if err != nil {
			return port.Picture{}, err
		}
		p.Media, p.Full, p.Width, p.Height = media, out, full.Bounds().Dx(), full.Bounds().Dy()
		if len(out) <= maxBytes {
			break
		}
		full = fit(full, max(p.Width, p.Height)/2)
	}
	var err error
	p.ThumbnailMedia, p.Thumbnail, err = encode(fit(full, maxThumbnail), opaque)
	return p, err
}

func isOpaque(m image.Image) bool {
	o, ok := m.(interface{ Opaque() bool })
	return ok && o.Opaque()
}

func encode(m image.Image, opaque bool) (media string, out []byte, err error) {
	var buf bytes.Buffer
	if opaque {
		media, err = "image/jpeg", jpeg.Encode(&buf, m, &jpeg.Options{Quality: quality})
	} else {
		media, err = "image/png", png.Encode(&buf, m)
	}
	if err != nil {
		return "", nil, fmt.Errorf("encode picture: %w", err)
	}
	return media, buf.Bytes(), nil
}
