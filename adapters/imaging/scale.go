package imaging

import (
	"image"

	"golang.org/x/image/draw"
)

// maxCubic bounds the scratch memory of the better scaler: width of the
// result by height of the source, 32 bytes each.
const maxCubic = 2 << 20

// fit scales a picture down to the longest side given; a smaller one stays
// as it is.
func fit(src image.Image, side int) image.Image {
	b := src.Bounds()
	longest := max(b.Dx(), b.Dy())
	if longest <= side {
		return src
	}
	width := max(1, (b.Dx()*side+longest/2)/longest)
	height := max(1, (b.Dy()*side+longest/2)/longest)
	if by := longest / side; by > 1 {
		src = shrink(src, by)
	}
	dst := image.NewRGBA(image.Rect(0, 0, width, height))
	var scaler draw.Scaler = draw.CatmullRom
	if width*src.Bounds().Dy() > maxCubic {
		// What is left to scale is less than by half; there the cheap one
		// sees every pixel too.
		scaler = draw.ApproxBiLinear
	}
	scaler.Scale(dst, dst.Bounds(), src, src.Bounds(), draw.Src, nil)
	return dst
}

// shrink averages squares of by pixels, a strip of rows at a time. At the far
// edges what does not fill a square is left out, but for a side that is
// shorter than one.
func shrink(src image.Image, by int) *image.RGBA {
	b := src.Bounds()
	cols, rows := min(by, b.Dx()), min(by, b.Dy())
	out := image.NewRGBA(image.Rect(0, 0, b.Dx()/cols, b.Dy()/rows))
	strip := image.NewRGBA(image.Rect(0, 0, b.Dx(), rows))
	count := uint32(cols * rows) //nolint:gosec // by is at most the 40 megapixels
	for y := range out.Rect.Dy() {
		draw.Draw(strip, strip.Rect, src, image.Pt(b.Min.X, b.Min.Y+y*rows), draw.Src)
		line := out.Pix[y*out.Stride:]
		for x := range out.Rect.Dx() {
			var sum [4]uint32
			for dy := range rows {
				at := strip.Pix[dy*strip.Stride+4*x*cols:]
				for i := range 4 * cols {
					sum[i&3] += uint32(at[i])
				}
			}
			for c := range sum {
				line[4*x+c] = uint8((sum[c] + count/2) / count) //nolint:gosec // a mean of bytes
			}
		}
	}
	return out
}

// shallow cuts 16 bits a channel to 8: twice the size for what no screen shows.
func shallow(src image.Image) image.Image {
	switch src.(type) {
	case *image.NRGBA64, *image.RGBA64, *image.Gray16:
		return flatten(src)
	default:
		return src
	}
}

func flatten(src image.Image) *image.RGBA {
	b := src.Bounds()
	out := image.NewRGBA(image.Rect(0, 0, b.Dx(), b.Dy()))
	draw.Draw(out, out.Rect, src, b.Min, draw.Src)
	return out
}

// upright applies an EXIF orientation, 1 to 8: transposed first from 5 on,
// then mirrored.
func upright(src image.Image, orient int) image.Image {
	if orient < 2 || orient > 8 {
		return src
	}
	flat := flatten(src)
	w, h := flat.Rect.Dx(), flat.Rect.Dy()
	if orient >= 5 {
		w, h = h, w
	}
	out := image.NewRGBA(image.Rect(0, 0, w, h))
	mirrorX := orient == 2 || orient == 3 || orient == 6 || orient == 7
	mirrorY := orient == 3 || orient == 4 || orient == 7 || orient == 8
	for y := range h {
		for x := range w {
			sx, sy := x, y
			if mirrorX {
				sx = w - 1 - x
			}
			if mirrorY {
				sy = h - 1 - y
			}
			if orient >= 5 {
				sx, sy = sy, sx
			}
			copy(out.Pix[y*out.Stride+4*x:][:4], flat.Pix[sy*flat.Stride+4*sx:])
		}
	}
	return out
}
