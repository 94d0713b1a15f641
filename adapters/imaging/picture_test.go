package imaging_test

import (
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
)

// quarters paints red, green, blue and white into the corners.
func quarters(w, h int) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	paint := map[[2]bool]color.NRGBA{
		{false, false}: {0xff, 0, 0, 0xff}, {true, false}: {0, 0xff, 0, 0xff},
		{false, true}: {0, 0, 0xff, 0xff}, {true, true}: {0xff, 0xff, 0xff, 0xff},
	}
	for y := range h {
		for x := range w {
			m.SetNRGBA(x, y, paint[[2]bool{x >= w/2, y >= h/2}])
		}
	}
	return m
}

// corners names the colours near the corners: top left and right, bottom left
// and right.
func corners(m image.Image) string {
	b := m.Bounds()
	x, y := b.Dx()/8, b.Dy()/8
	out := ""
	for _, p := range []image.Point{{x, y}, {b.Dx() - 1 - x, y}, {x, b.Dy() - 1 - y}, {b.Dx() - 1 - x, b.Dy() - 1 - y}} {
		r, g, bl, _ := m.At(b.Min.X+p.X, b.Min.Y+p.Y).RGBA()
		switch [3]bool{r > 0x8000, g > 0x8000, bl > 0x8000} {
		case [3]bool{true, false, false}:
			out += "R"
		case [3]bool{false, true, false}:
			out += "G"
		case [3]bool{false, false, true}:
			out += "B"
		case [3]bool{true, true, true}:
			out += "W"
		default:
			out += "?"
		}
	}
	return out
}

// exifOf is a TIFF block with the orientation alone.
func exifOf(orient int, little bool) []byte {
	var order binary.AppendByteOrder = binary.BigEndian
	out := []byte("Exif\x00\x00MM\x00*")
	if little {
		order = binary.LittleEndian
		out = []byte("Exif\x00\x00II*\x00")
	}
	out = order.AppendUint32(out, 8)      // where the directory is
	out = order.AppendUint16(out, 1)      // entries
	out = order.AppendUint16(out, 0x0112) // orientation
	out = order.AppendUint16(out, 3)      // short
	out = order.AppendUint32(out, 1)
	out = order.AppendUint16(out, uint16(orient))
	out = order.AppendUint16(out, 0)
	return order.AppendUint32(out, 0)
}

// withSegment puts a segment behind the start of a JPEG.
func withSegment(raw []byte, marker byte, body []byte) []byte {
	out := append([]byte(nil), raw[:2]...)
	out = append(out, 0xff, marker)
	out = binary.BigEndian.AppendUint16(out, uint16(len(body)+2))
	return append(append(out, body...), raw[2:]...)
}

func chunk(kind string, body []byte) []byte {
	out := binary.BigEndian.AppendUint32(nil, uint32(len(body)))
	out = append(append(out, kind...), body...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out[4:]))
}

// withChunk puts a chunk behind the header of a PNG.
func withChunk(raw []byte, kind string, body []byte) []byte {
	const header = 8 + 12 + 13
	out := append([]byte(nil), raw[:header]...)
	return append(append(out, chunk(kind, body)...), raw[header:]...)
}

func pngHeader(w, h uint32) []byte {
	size := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, w), h)
	return append([]byte("\x89PNG\r\n\x1a\n"), chunk("IHDR", append(size, 8, 6, 0, 0, 0))...)
}

func jpegHeader(w, h uint16) []byte {
	frame := binary.BigEndian.AppendUint16([]byte{8}, h)
	frame = binary.BigEndian.AppendUint16(frame, w)
	return withSegment([]byte{0xff, 0xd8, 0xff, 0xda}, 0xc0, append(frame, 1, 1, 0x11, 0))
}

// webpHeader is an extended WebP with a canvas and nothing in it.
func webpHeader(w, h uint32) []byte {
	out := []byte("RIFF\xff\xff\x00\x00WEBPVP8X\x0a\x00\x00\x00\x00\x00\x00\x00")
	for _, side := range []uint32{w - 1, h - 1} {
		out = append(out, byte(side), byte(side>>8), byte(side>>16))
	}
	return out
}
