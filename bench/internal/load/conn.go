package load

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http/httputil"
	"strconv"
)

// conn is a connection on which a request is sent after the previous answer.
type conn struct {
	net.Conn
	in   *bufio.Reader
	body []byte
}

const readBuffer = 8 << 10

func dial(ctx context.Context, addr string) (*conn, error) {
	c, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("connecting to the server: %w", err)
	}
	return &conn{Conn: c, in: bufio.NewReaderSize(c, readBuffer)}, nil
}

var errAnswer = errors.New("not an HTTP answer")

// exchange sends a request and reads its answer. The body is valid until the
// next exchange.
func (c *conn) exchange(request []byte) (status int, body []byte, err error) {
	if _, err := c.Write(request); err != nil {
		return 0, nil, err
	}
	line, err := c.in.ReadSlice('\n')
	if err != nil {
		return 0, nil, err
	}
	if len(line) < len("HTTP/1.1 200") {
		return 0, nil, errAnswer
	}
	if status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return 0, nil, errAnswer
	}
	length, err := c.headers()
	if err != nil {
		return status, nil, err
	}
	return status, c.body, c.readBody(length)
}

// headers reads all headers. It returns the length of the body, or -1 for a
// chunked body.
func (c *conn) headers() (length int, err error) {
	for {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			return 0, err
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			return length, nil
		}
		name, value, _ := bytes.Cut(line, []byte(": "))
		switch string(name) {
		case "Content-Length":
			length, err = strconv.Atoi(string(value))
		case "Transfer-Encoding":
			length = -1
		}
		if err != nil {
			return 0, errAnswer
		}
	}
}

func (c *conn) readBody(length int) (err error) {
	if length < 0 {
		c.body, err = io.ReadAll(httputil.NewChunkedReader(c.in))
		if err == nil {
			_, err = c.in.Discard(len("\r\n"))
		}
		return err
	}
	if cap(c.body) < length {
		c.body = make([]byte, length)
	}
	c.body = c.body[:length]
	_, err = io.ReadFull(c.in, c.body)
	return err
}
