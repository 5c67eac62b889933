package auth

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"encoding/base64"
	"strings"
	"time"
)

// DeviceLifetime is how long a device stays known, as far as the keys are kept.
const DeviceLifetime = 365 * 24 * time.Hour

// A device that has signed in to an account is known to it. Its attempts at the
// password count under a budget of their own, so that strangers who use up the
// account's budget do not lock the owner out. It is recognised by a value that
// sign-up, login and change of the password return, and that it sends with its
// next login. The value is not a credential: it grants nothing but the budget.
//
// A value contains entries for the last accounts of a device, joined by dots. An
// entry has three parts: the random id of the device at the account, a MAC over
// id and e-mail key, and a MAC over id, user and password hash. The first MAC is
// checked before the account is read. The second one makes a change of the
// password forget all devices, as it ends all sessions: somebody who knew the
// old password has no budgets left.
const (
	maxDeviceEntries = 5
	devicePart       = 18 // bytes of each part
	deviceEntry      = 3 * devicePart / 3 * 4
	deviceSeparator  = "."
)

// device is a device that sent an entry for an account.
type device struct {
	id      []byte
	account []byte // the second MAC
	key     []byte // that the first MAC was made with
}

// deviceKeys returns the keys of the MACs.
func (s *Service) deviceKeys() [][]byte { return s.derivedKeys("rekey device") }

// addressMAC and accountMAC begin with a label of their own and an id of fixed
// length, so the sums are unambiguous. So is the end of accountMAC: ids of users
// have one length.
func addressMAC(key, id []byte, emailKey string) []byte {
	return macOf(key, "address ", string(id), emailKey)[:devicePart]
}

func accountMAC(key, id []byte, u User) []byte {
	return macOf(key, "account ", string(id), u.ID, u.PasswordHash)[:devicePart]
}

// deviceEntries returns the entries of a value that may be valid, the newest
// first.
func deviceEntries(value string) (entries []string) {
	for len(entries) < maxDeviceEntries && value != "" {
		var entry string
		if entry, value, _ = strings.Cut(value, deviceSeparator); len(entry) == deviceEntry {
			entries = append(entries, entry)
		}
	}
	return entries
}

// findDevice returns the entry that was made for one of the e-mail keys, or nil.
func (s *Service) findDevice(value string, emailKeys ...string) *device {
	entries := deviceEntries(value)
	if len(entries) == 0 {
		return nil
	}
	keys := s.deviceKeys()
	for _, entry := range entries {
		raw, err := base64.RawURLEncoding.DecodeString(entry)
		if err != nil || len(raw) != 3*devicePart { // the decoder skips line breaks
			continue
		}
		id, address, account := raw[:devicePart], raw[devicePart:2*devicePart], raw[2*devicePart:]
		for _, key := range keys {
			for _, emailKey := range emailKeys {
				if hmac.Equal(address, addressMAC(key, id, emailKey)) {
					return &device{id, account, key}
				}
			}
		}
	}
	return nil
}

// knows reports whether the device has signed in to the account since its
// password was set.
func (d *device) knows(u User) bool {
	return hmac.Equal(d.account, accountMAC(d.key, d.id, u))
}

// budget returns the key of the device in limits.
func (d *device) budget() string { return base64.RawURLEncoding.EncodeToString(d.id) }

// newDeviceValue returns the value of a device that has proved the password of
// u. It replaces value, whose entries for other accounts it contains. d is the
// device as findDevice found it, or nil for a new one. It returns "" without
// keys.
func (s *Service) newDeviceValue(value string, d *device, u User) string {
	keys := s.deviceKeys()
	if len(keys) == 0 {
		return ""
	}
	id := make([]byte, devicePart)
	if d != nil {
		id = d.id
	} else {
		_, _ = rand.Read(id) // never returns an error: it ends the process instead
	}
	entry := bytes.Join([][]byte{id, addressMAC(keys[0], id, u.EmailKey), accountMAC(keys[0], id, u)}, nil)
	all := []string{base64.RawURLEncoding.EncodeToString(entry)}
	for _, other := range deviceEntries(value) {
		if s.findDevice(other, u.EmailKey) == nil && len(all) < maxDeviceEntries {
			all = append(all, other)
		}
	}
	return strings.Join(all, deviceSeparator)
}
