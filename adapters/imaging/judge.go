package imaging

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/jpeg"
	"image/png"

	"golang.org/x/image/webp"

	"ostiary/app/port"
)

type format uint8

// maxScans is ten times what encoders make.
const maxScans = 100

const (
	formatPNG format = iota + 1
	formatJPEG
	formatWebP
)

// judge accepts a still PNG, JPEG or WebP of acceptable size by its magic
// bytes and header alone; neither a name nor a media type is asked.
func judge(raw []byte) (format, error) {
	f := sniff(raw)
	var c image.Config
	var err error
	switch f {
	case formatPNG:
		c, err = png.DecodeConfig(bytes.NewReader(raw))
	case formatJPEG:
		c, err = jpeg.DecodeConfig(bytes.NewReader(raw))
	case formatWebP:
		c, err = webp.DecodeConfig(bytes.NewReader(raw))
	default:
		return 0, port.ErrImage
	}
	if err != nil {
		return 0, port.ErrImage.Because(err)
	}
	if !acceptable(c.Width, c.Height) || animated(f, raw) || laborious(f, raw) {
		return 0, port.ErrImage
	}
	return f, nil
}

func sniff(raw []byte) format {
	switch {
	case bytes.HasPrefix(raw, []byte("\x89PNG\r\n\x1a\n")):
		return formatPNG
	case bytes.HasPrefix(raw, []byte("\xff\xd8\xff")):
		return formatJPEG
	case len(raw) >= 12 && string(raw[:4]) == "RIFF" && string(raw[8:12]) == "WEBP":
		return formatWebP
	default:
		return 0
	}
}

func acceptable(width, height int) bool {
	return width >= 1 && height >= 1 && int64(width)*int64(height) <= maxPixels
}

// animated reports an APNG, by its acTL chunk before the first pixels, and a
// WebP by the flag in its header.
func animated(f format, raw []byte) bool {
	switch f {
	case formatPNG:
		for at := 8; len(raw)-at >= 12; {
			kind := string(raw[at+4 : at+8])
			if kind == "acTL" || kind == "IDAT" {
				return kind == "acTL"
			}
			size := binary.BigEndian.Uint32(raw[at:])
			if uint64(size) > uint64(len(raw)-at-12) { //nolint:gosec // the loop's condition
				return false // truncated: the decoder refuses it
			}
			at += 12 + int(size)
		}
	case formatWebP:
		return len(raw) > 20 && string(raw[12:16]) == "VP8X" && raw[20]&0x02 != 0
	case formatJPEG:
	}
	return false
}

// laborious reports a JPEG of so many scans that a small file would keep a
// core busy for minutes: each is a walk over the whole picture. Inside a scan
// the marker cannot occur (ITU-T T.81, B.1.1.5); an embedded preview counts.
func laborious(f format, raw []byte) bool {
	return f == formatJPEG && bytes.Count(raw, []byte{0xff, 0xda}) > maxScans
}
