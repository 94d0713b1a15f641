package imaging_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/adapters/imaging"
	"ostiary/app/port"
	"ostiary/domain/fault"
)

// decoded reads what Imager made, as a browser would.
func decoded(t testing.TB, raw []byte) (image.Image, string) {
	t.Helper()
	m, kind, err := image.Decode(bytes.NewReader(raw))
	require.NoError(t, err)
	return m, "image/" + kind
}

func prepared(t *testing.T, raw []byte) port.Picture {
	t.Helper()
	p, err := imaging.New().Prepare(t.Context(), raw)
	require.NoError(t, err)
	return p
}

func TestPrepare_MakesAJPEGOfWhatIsOpaque(t *testing.T) {
	t.Parallel()

	for name, raw := range map[string][]byte{"jpeg": jpegOf(t, quarters(64, 32)), "png": pngOf(t, quarters(64, 32))} {
		p := prepared(t, raw)
		m, media := decoded(t, p.Full)
		_, thumbMedia := decoded(t, p.Thumbnail)

		require.Equal(t, "image/jpeg", media, name)
		require.Equal(t, "image/jpeg", p.Media, name)
		require.Equal(t, "image/jpeg", thumbMedia, name)
		require.Equal(t, "image/jpeg", p.ThumbnailMedia, name)
		require.Equal(t, image.Pt(64, 32), m.Bounds().Size(), name)
		require.Equal(t, image.Pt(64, 32), image.Pt(p.Width, p.Height), name)
		require.Equal(t, "RGBW", corners(m), name)
	}
}

func TestPrepare_KeepsTransparencyInAPNG(t *testing.T) {
	t.Parallel()
	src := image.NewNRGBA(image.Rect(0, 0, 600, 300))
	for i := range src.Pix {
		src.Pix[i] = 0x80
	}

	p := prepared(t, pngOf(t, src))

	full, media := decoded(t, p.Full)
	thumb, thumbMedia := decoded(t, p.Thumbnail)
	require.Equal(t, "image/png", media)
	require.Equal(t, "image/png", p.Media)
	require.Equal(t, "image/png", thumbMedia)
	require.Equal(t, "image/png", p.ThumbnailMedia)
	require.Equal(t, color.NRGBA{0x80, 0x80, 0x80, 0x80}, color.NRGBAModel.Convert(full.At(1, 1)))
	_, _, _, through := thumb.At(128, 64).RGBA()
	require.Equal(t, uint32(0x80), through>>8)
}

func TestPrepare_ScalesDownAndNeverUp(t *testing.T) {
	t.Parallel()

	for _, row := range []struct{ in, full, thumb image.Point }{
		{image.Pt(1, 1), image.Pt(1, 1), image.Pt(1, 1)},
		{image.Pt(256, 256), image.Pt(256, 256), image.Pt(256, 256)},
		{image.Pt(257, 100), image.Pt(257, 100), image.Pt(256, 100)},
		{image.Pt(2048, 1024), image.Pt(2048, 1024), image.Pt(256, 128)},
		{image.Pt(2049, 300), image.Pt(2048, 300), image.Pt(256, 38)},
		{image.Pt(300, 3000), image.Pt(205, 2048), image.Pt(26, 256)},
		{image.Pt(4100, 400), image.Pt(2048, 200), image.Pt(256, 25)},
		{image.Pt(60000, 1), image.Pt(2048, 1), image.Pt(256, 1)},
		{image.Pt(2, 60000), image.Pt(1, 2048), image.Pt(1, 256)},
	} {
		p := prepared(t, pngOf(t, image.NewGray(image.Rectangle{Max: row.in})))
		full, _ := decoded(t, p.Full)
		thumb, _ := decoded(t, p.Thumbnail)

		require.Equal(t, row.full, full.Bounds().Size(), row.in)
		require.Equal(t, row.full, image.Pt(p.Width, p.Height), row.in)
		require.Equal(t, row.thumb, thumb.Bounds().Size(), row.in)
	}
}

func TestPrepare_ScalingKeepsWhatIsSeen(t *testing.T) {
	t.Parallel()

	for _, size := range []image.Point{{300, 600}, {2200, 1100}, {5000, 300}} {
		p := prepared(t, pngOf(t, quarters(size.X, size.Y)))
		full, _ := decoded(t, p.Full)
		thumb, _ := decoded(t, p.Thumbnail)

		require.Equal(t, "RGBW", corners(full), size)
		require.Equal(t, "RGBW", corners(thumb), size)
	}
}

func TestPrepare_CutsDeepColourTo8Bits(t *testing.T) {
	t.Parallel()
	src := image.NewNRGBA64(image.Rect(0, 0, 4, 4))
	src.SetNRGBA64(1, 1, color.NRGBA64{0x1234, 0x5678, 0x9abc, 0x8000})

	p := prepared(t, pngOf(t, src))

	require.Equal(t, byte(8), p.Full[24], "the bit depth in the header")
}

// A lossy picture with transparency has no form but PNG here, and noise does
// not compress.
func TestPrepare_BoundsWhatIsStored(t *testing.T) {
	t.Parallel()
	src := image.NewNRGBA(image.Rect(0, 0, 1170, 1170))
	noise := rand.New(rand.NewPCG(1, 2))
	for i := range src.Pix {
		src.Pix[i] = uint8(noise.Uint32())
	}

	p := prepared(t, pngOf(t, src))

	require.LessOrEqual(t, len(p.Full), 5<<20)
	m, _ := decoded(t, p.Full)
	require.Equal(t, image.Pt(585, 585), m.Bounds().Size())
	require.Equal(t, image.Pt(585, 585), image.Pt(p.Width, p.Height))
}

func TestPrepare_TurnsAJPEGUprightByItsEXIF(t *testing.T) {
	t.Parallel()
	want := []string{1: "RGBW", 2: "GRWB", 3: "WBGR", 4: "BWRG", 5: "RBGW", 6: "BRWG", 7: "WGBR", 8: "GWRB"}

	for orient := 1; orient <= 8; orient++ {
		for _, little := range []bool{true, false} {
			p := prepared(t, withSegment(jpegOf(t, quarters(64, 32)), 0xe1, exifOf(orient, little)))
			m, _ := decoded(t, p.Full)

			size := image.Pt(64, 32)
			if orient >= 5 {
				size = image.Pt(32, 64)
			}
			require.Equal(t, want[orient], corners(m), orient)
			require.Equal(t, size, m.Bounds().Size(), orient)
			require.Equal(t, size, image.Pt(p.Width, p.Height), orient)
		}
	}
}

func TestPrepare_TakesADamagedEXIFForNone(t *testing.T) {
	t.Parallel()
	good := exifOf(6, true)
	changed := func(at int, b ...byte) []byte {
		out := bytes.Clone(good)
		copy(out[at:], b)
		return out
	}

	for name, body := range map[string][]byte{
		"orientation 0":       changed(24, 0, 0),
		"orientation 9":       changed(24, 9, 0),
		"another type":        changed(18, 4, 0),
		"two values":          changed(20, 2, 0, 0, 0),
		"offset beyond":       changed(10, 0xff, 0xff, 0xff, 0xff),
		"offset at the end":   changed(10, byte(len(good)-6), 0, 0, 0),
		"many entries":        changed(14, 0xff, 0xff),
		"one entry too many":  changed(14, 2, 0),
		"another byte order":  changed(6, 'X', 'X'),
		"cut in the header":   good[:9],
		"cut in the entry":    good[:20],
		"the name and no end": good[:6],
	} {
		p := prepared(t, withSegment(jpegOf(t, quarters(64, 32)), 0xe1, body))
		m, _ := decoded(t, p.Full)
		require.Equal(t, "RGBW", corners(m), name)
	}
}

func TestPrepare_DropsEverythingButPixels(t *testing.T) {
	t.Parallel()
	const hidden = "<script>52.379189N 4.899431E</script>"
	withEXIF := withSegment(jpegOf(t, quarters(64, 32)), 0xe1, append(exifOf(1, true), hidden...))
	clear := quarters(64, 32)
	clear.Pix[3] = 0 // one pixel of transparency, for a PNG

	for name, raw := range map[string][]byte{
		"EXIF":                withEXIF,
		"XMP":                 withSegment(jpegOf(t, quarters(64, 32)), 0xe1, []byte("http://ns.adobe.com/xap/1.0/\x00"+hidden)),
		"colour profile":      withSegment(jpegOf(t, quarters(64, 32)), 0xe2, []byte("ICC_PROFILE\x00\x01\x01"+hidden)),
		"JPEG comment":        withSegment(jpegOf(t, quarters(64, 32)), 0xfe, []byte(hidden)),
		"after the JPEG":      append(jpegOf(t, quarters(64, 32)), hidden...),
		"PNG text to JPEG":    withChunk(pngOf(t, quarters(64, 32)), "tEXt", []byte("Comment\x00"+hidden)),
		"PNG text to PNG":     withChunk(pngOf(t, clear), "tEXt", []byte("Comment\x00"+hidden)),
		"PNG EXIF to PNG":     withChunk(pngOf(t, clear), "eXIf", []byte(hidden)),
		"after the PNG":       append(pngOf(t, clear), hidden...),
		"unknown PNG chunk":   withChunk(pngOf(t, clear), "prVt", []byte(hidden)),
		"after a WebP":        append(webp(t, lossless), hidden...),
		"PNG text, thumbnail": withChunk(pngOf(t, quarters(640, 320)), "tEXt", []byte("Comment\x00"+hidden)),
	} {
		require.Contains(t, string(raw), hidden, name)
		p := prepared(t, raw)

		for _, out := range [][]byte{p.Full, p.Thumbnail} {
			require.NotContains(t, string(out), "script", name)
			require.NotContains(t, string(out), "Exif", name)
			require.NotContains(t, string(out), "ICC_PROFILE", name)
		}
	}
}

// The smallest pictures by which browsers are asked what they can read.
const (
	lossless = "UklGRhoAAABXRUJQVlA4TA0AAAAvAAAAEAcQERGIiP4HAA=="
	lossy    = "UklGRiIAAABXRUJQVlA4IBYAAAAwAQCdASoBAAEADsD+JaQAA3AAAAAA"
	alpha    = "UklGRkoAAABXRUJQVlA4WAoAAAAQAAAAAAAAAAAAQUxQSAwAAAARBxAR/Q9ERP8DAABWUDggGAAAABQBAJ0BKgEAAQAAAP4AAA3AAP7mtQAAAA=="
	moving   = "UklGRlIAAABXRUJQVlA4WAoAAAASAAAAAAAAAAAAQU5JTQYAAAD/////AABBTk1GJgAAAAAAAAAAAAAAAAAAAGQAAABWUDhMDQAAAC8AAAAQBxAREYiI/gcA"
)

func webp(t testing.TB, text string) []byte {
	t.Helper()
	raw, err := base64.StdEncoding.DecodeString(text)
	require.NoError(t, err)
	return raw
}

func TestPrepare_ReadsWebP(t *testing.T) {
	t.Parallel()

	for text, media := range map[string]string{lossless: "image/png", lossy: "image/jpeg", alpha: "image/png"} {
		p := prepared(t, webp(t, text))
		require.Equal(t, media, p.Media)
		require.Equal(t, image.Pt(1, 1), image.Pt(p.Width, p.Height))
	}
}

func TestPrepare_RefusesWhatIsNoStillPicture(t *testing.T) {
	t.Parallel()
	var animation bytes.Buffer
	require.NoError(t, gif.Encode(&animation, quarters(8, 8), nil))

	for name, raw := range map[string][]byte{
		"nothing":       nil,
		"text":          []byte("GIF89a is not one of ours"),
		"gif":           animation.Bytes(),
		"svg":           []byte(`<svg xmlns="http://www.w3.org/2000/svg"><script>1</script></svg>`),
		"png magic":     []byte("\x89PNG\r\n\x1a\n"),
		"jpeg magic":    []byte("\xff\xd8\xff"),
		"webp magic":    []byte("RIFF\x04\x00\x00\x00WEBP"),
		"riff of sound": []byte("RIFF\x04\x00\x00\x00WAVE"),
		"blank before":  append([]byte(" "), pngOf(t, quarters(8, 8))...),
		"moving png":    withChunk(pngOf(t, quarters(8, 8)), "acTL", []byte{0, 0, 0, 2, 0, 0, 0, 0}),
		"moving webp":   webp(t, moving),
		"no pixels":     pngHeader(0, 1),
		"no rows":       pngHeader(1, 0),
	} {
		_, err := imaging.New().Prepare(t.Context(), raw)
		require.ErrorIs(t, err, port.ErrImage, name)
	}
}

func TestPrepare_RefusesEveryTruncation(t *testing.T) {
	t.Parallel()
	i := imaging.New()

	for name, raw := range map[string][]byte{
		"png":  pngOf(t, quarters(24, 24)),
		"jpeg": jpegOf(t, quarters(24, 24)),
		"webp": webp(t, lossless)[:31], // its last bytes hold nothing of the picture
	} {
		for n := range raw {
			_, err := i.Prepare(t.Context(), raw[:n])
			require.ErrorIs(t, err, port.ErrImage, "%s cut to %d of %d", name, n, len(raw))
		}
	}
}

// A scan of a few bytes costs a walk over the whole picture.
func TestPrepare_RefusesAJPEGOfVeryManyScans(t *testing.T) {
	t.Parallel()
	raw := jpegOf(t, quarters(16, 16))
	at := bytes.Index(raw, []byte{0xff, 0xda})
	scan := raw[at : len(raw)-2]
	repeated := func(n int) []byte {
		return append(append(bytes.Clone(raw[:at]), bytes.Repeat(scan, n)...), 0xff, 0xd9)
	}

	_, err := imaging.New().Prepare(t.Context(), repeated(100))
	require.NoError(t, err)
	_, err = imaging.New().Prepare(t.Context(), repeated(101))
	require.ErrorIs(t, err, port.ErrImage)
}

// Not parallel: it reads how much the whole process allocates.
func TestPrepare_RefusesBombsByTheirHeader(t *testing.T) {
	small := webpHeader(1, 1)
	inner := append(small, "VP8L\x06\x00\x00\x00\x2f\xff\xff\xff\x0f\x00"...) // 16384 × 16384 in a canvas of 1 × 1

	for name, raw := range map[string][]byte{
		"png":              pngHeader(1<<31-1, 1<<31-1),
		"png over 32 bits": pngHeader(1<<16, 1<<16),
		"png just too big": pngHeader(8000, 5001),
		"jpeg":             jpegHeader(65535, 65535),
		"webp":             webpHeader(1<<24, 100),
		"webp inside":      inner,
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := imaging.New().Prepare(t.Context(), raw)
		runtime.ReadMemStats(&after)

		require.ErrorIs(t, err, port.ErrImage, name)
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(1<<20), name)
	}
}

func TestPrepare_DoesNotBeginWhenTheCallerIsGone(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()

	_, err := imaging.New().Prepare(ctx, pngOf(t, quarters(8, 8)))

	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, fault.Unavailable, fault.KindOf(err))
}

// asked is a context that stands still when it is asked whether it has ended,
// which Prepare does before it waits for its turn.
type asked struct {
	context.Context
	in, out chan struct{}
}

func (a asked) Err() error {
	a.in <- struct{}{}
	<-a.out
	return a.Context.Err()
}

func TestPrepare_RefusesWhenTooManyWait(t *testing.T) {
	t.Parallel()
	i := imaging.New()
	ctx := asked{Context: t.Context(), in: make(chan struct{}), out: make(chan struct{})}
	raw := pngOf(t, quarters(8, 8))
	var wg sync.WaitGroup
	errs := make([]error, 16)
	for n := range errs {
		wg.Go(func() { _, errs[n] = i.Prepare(ctx, raw) })
		<-ctx.in
	}

	_, err := i.Prepare(t.Context(), raw)

	require.ErrorIs(t, err, port.ErrBusy)
	go func() {
		for range ctx.in {
		}
	}()
	close(ctx.out)
	wg.Wait()
	close(ctx.in)
	for _, err := range errs {
		require.NoError(t, err)
	}
}

func FuzzPrepare(f *testing.F) {
	f.Add(pngOf(f, quarters(8, 8)))
	f.Add(withSegment(jpegOf(f, quarters(8, 8)), 0xe1, exifOf(6, true)))
	for _, text := range []string{lossless, lossy, alpha, moving} {
		f.Add(webp(f, text))
	}
	i := imaging.New()

	f.Fuzz(func(t *testing.T, raw []byte) {
		c, _, err := image.DecodeConfig(bytes.NewReader(raw))
		if err == nil && c.Width*c.Height > 1<<20 {
			return // refused or slow, and neither is news
		}
		p, err := i.Prepare(t.Context(), raw)
		if err != nil {
			require.ErrorIs(t, err, port.ErrImage)
			return
		}
		full, media := decoded(t, p.Full)
		thumb, _ := decoded(t, p.Thumbnail)
		require.Equal(t, p.Media, media)
		require.Equal(t, image.Pt(p.Width, p.Height), full.Bounds().Size())
		require.LessOrEqual(t, max(p.Width, p.Height), 2048)
		require.LessOrEqual(t, max(thumb.Bounds().Dx(), thumb.Bounds().Dy()), 256)
	})
}

func jpegOf(t testing.TB, m image.Image) []byte {
	t.Helper()
	var buf bytes.Buffer
	require.NoError(t, jpeg.Encode(&buf, m, &jpeg.Options{Quality: 95}))
	return buf.Bytes()
}

func pngOf(t testing.TB, m image.Image) []byte {
	t.Helper()
	var buf bytes.Buffer
	e := png.Encoder{CompressionLevel: png.BestSpeed}
	require.NoError(t, e.Encode(&buf, m))
	return buf.Bytes()
}
