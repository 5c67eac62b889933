package auth

import (
	"bytes"
	"errors"
)

// The errors of a text that begins with the byte order mark of another encoding.
var (
	errUTF16 = errors.New("it begins with a byte order mark of UTF-16; save or send it as UTF-8")
	errUTF32 = errors.New("it begins with a byte order mark of UTF-32; save or send it as UTF-8")
)

// TrimByteOrderMark returns a text without the byte order mark of UTF-8 at its
// start, which some editors and clients of Windows write. The error names the
// encoding if the text begins with the mark of another one.
func TrimByteOrderMark(text []byte) ([]byte, error) {
	for _, mark := range []struct {
		bytes string
		err   error
	}{
		{"\xff\xfe\x00\x00", errUTF32}, {"\x00\x00\xfe\xff", errUTF32}, // before UTF-16, which begins the same
		{"\xff\xfe", errUTF16}, {"\xfe\xff", errUTF16},
	} {
		if bytes.HasPrefix(text, []byte(mark.bytes)) {
			return nil, mark.err
		}
	}
	return bytes.TrimPrefix(text, []byte("\ufeff")), nil
}
