package imaging

import (
	"bytes"
	"encoding/binary"
)

// maxEntries bounds the directory that is searched for the orientation.
const maxEntries = 256

// orientation reads how a JPEG is to be turned (EXIF 2.32, tag 0x0112): 1 to
// 8, and 1 for anything that is not exactly as the standard says.
func orientation(f format, raw []byte) int {
	if f != formatJPEG {
		return 1
	}
	tiff, ok := exif(raw)
	if !ok || len(tiff) < 8 {
		return 1
	}
	var order binary.ByteOrder
	switch string(tiff[:4]) {
	case "II*\x00":
		order = binary.LittleEndian
	case "MM\x00*":
		order = binary.BigEndian
	default:
		return 1
	}
	at := uint64(order.Uint32(tiff[4:]))
	if at+2 > uint64(len(tiff)) {
		return 1
	}
	entries := uint64(order.Uint16(tiff[at:]))
	if entries > maxEntries || at+2+12*entries > uint64(len(tiff)) {
		return 1
	}
	for i := range entries {
		e := tiff[at+2+12*i:][:12]
		const tagOrientation, typeShort = 0x0112, 3
		if order.Uint16(e) != tagOrientation {
			continue
		}
		v := order.Uint16(e[8:])
		if order.Uint16(e[2:]) != typeShort || order.Uint32(e[4:]) != 1 || v < 1 || v > 8 {
			return 1
		}
		return int(v)
	}
	return 1
}

// exif finds the TIFF block in the segments before the first scan.
func exif(raw []byte) ([]byte, bool) {
	const app1, startOfScan, endOfImage = 0xe1, 0xda, 0xd9
	for at := 2; len(raw)-at >= 4; {
		marker := raw[at+1]
		if raw[at] != 0xff || marker == startOfScan || marker == endOfImage {
			return nil, false
		}
		if marker == 0xff { // a fill byte
			at++
			continue
		}
		size := int(binary.BigEndian.Uint16(raw[at+2:]))
		if size < 2 || size > len(raw)-at-2 {
			return nil, false
		}
		body := raw[at+4 : at+2+size]
		if tiff, ok := bytes.CutPrefix(body, []byte("Exif\x00\x00")); ok && marker == app1 {
			return tiff, true
		}
		at += 2 + size
	}
	return nil, false
}
