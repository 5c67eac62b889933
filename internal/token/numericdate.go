package token

import (
	"encoding/json"
	"math/big"
	"reflect"
	"strconv"
)

const (
	maxSeconds   = 253402300799 // the last second of the year 9999
	maxDateBytes = 32           // longest number looked at
)

// numericDate is a NumericDate (RFC 7519 section 2): seconds since 1970. One
// that is out of range is not usable, which is judged after the signature.
type numericDate struct {
	seconds  int64 // rounded down
	fraction bool  // whether something was cut off
	present  bool
	usable   bool
}

func dateOf(seconds int64) numericDate {
	return numericDate{seconds: seconds, present: true, usable: seconds >= 0 && seconds <= maxSeconds}
}

// ceil is the seconds rounded up: a fraction must not widen validity.
func (d numericDate) ceil() int64 {
	if d.fraction {
		return d.seconds + 1
	}
	return d.seconds
}

// MarshalJSON writes an integer.
func (d numericDate) MarshalJSON() ([]byte, error) {
	return strconv.AppendInt(nil, d.seconds, 10), nil
}

// UnmarshalJSON fails on what is not a number, in the words of encoding/json
// for an integer field. null counts as missing.
func (d *numericDate) UnmarshalJSON(data []byte) error {
	*d = numericDate{}
	if kind := notNumber(data); kind != "" {
		return &json.UnmarshalTypeError{Value: kind, Type: reflect.TypeFor[int64]()}
	}
	if string(data) == "null" {
		return nil
	}
	if seconds, err := strconv.ParseInt(string(data), 10, 64); err == nil {
		*d = dateOf(seconds)
		return nil
	}
	*d = fractionalDate(string(data))
	return nil
}

// notNumber names the kind of a JSON value that is neither number nor null.
func notNumber(data []byte) string {
	switch data[0] {
	case '"':
		return "string"
	case '{':
		return "object"
	case '[':
		return "array"
	case 't', 'f':
		return "bool"
	}
	return ""
}

// fractionalDate reads a number with a fraction or an exponent exactly. The
// range is checked in floating point first: it bounds the exponent.
func fractionalDate(text string) numericDate {
	unusable := numericDate{present: true}
	if len(text) > maxDateBytes {
		return unusable
	}
	approx, err := strconv.ParseFloat(text, 64)
	if err != nil || approx < 1 || approx > maxSeconds {
		return unusable
	}
	exact, ok := new(big.Rat).SetString(text)
	if !ok {
		return unusable
	}
	d := dateOf(new(big.Int).Quo(exact.Num(), exact.Denom()).Int64())
	d.fraction = !exact.IsInt()
	return d
}
