package auth

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
)

func serviceWithKeys(keys ...string) *Service {
	all := make([][]byte, len(keys))
	for i, key := range keys {
		all[i] = bytes.Repeat([]byte(key), 32)
	}
	return &Service{rotationKeys: FixedKeys(all...)}
}

func deviceUser(name string) User {
	id := fmt.Sprintf("%036s", name)
	return User{ID: id, EmailKey: name + "@example.com", PasswordHash: "$argon2id$" + name}
}

// recognised reports whether a login of u with the value is that of a known device.
func (s *Service) recognised(value string, u User) bool {
	d := s.findDevice(value, u.EmailKey)
	return d != nil && d.knows(u)
}

func TestDeviceValue_known(t *testing.T) {
	s, ada, eve := serviceWithKeys("k"), deviceUser("ada"), deviceUser("eve")
	value := s.newDeviceValue("", nil, ada)
	if !s.recognised(value, ada) {
		t.Fatal("the device is not known")
	}
	if s.findDevice(value, "former@example.com", ada.EmailKey) == nil {
		t.Error("the second of two keys is not found")
	}
	for name, u := range map[string]User{
		"another account":             eve,
		"the password changed":        {ID: ada.ID, EmailKey: ada.EmailKey, PasswordHash: "$argon2id$new"},
		"another user of the mailbox": {ID: eve.ID, EmailKey: ada.EmailKey, PasswordHash: ada.PasswordHash},
		"no account":                  {},
	} {
		if s.recognised(value, u) {
			t.Errorf("%s: the device is known", name)
		}
	}
	if other := s.newDeviceValue("", nil, ada); other[:24] == value[:24] {
		t.Error("two devices have one id")
	}
}

// A value is valid as it is, or not at all.
func TestDeviceValue_invalid(t *testing.T) {
	s, ada := serviceWithKeys("k"), deviceUser("ada")
	value := s.newDeviceValue("", nil, ada)
	for i := range value {
		for _, c := range []byte{'A', 'B', '\n', '.', 0xff} {
			if changed := value[:i] + string([]byte{c}) + value[i+1:]; changed != value && s.recognised(changed, ada) {
				t.Fatalf("the value is valid with %q as character %d", c, i)
			}
		}
		s.findDevice(value[:i], ada.EmailKey) // does not panic
	}
	raw, err := base64.RawURLEncoding.DecodeString(value)
	if err != nil {
		t.Fatal(err)
	}
	for name, v := range map[string]string{
		"line breaks":     strings.Repeat("\n", deviceEntry),
		"padded":          value[:deviceEntry-2] + "==",
		"standard base64": base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{0xff}, 54)),
		"zeros":           base64.RawURLEncoding.EncodeToString(make([]byte, 54)),
		"swapped":         base64.RawURLEncoding.EncodeToString(append(append(append([]byte{}, raw[:18]...), raw[36:]...), raw[18:36]...)),
		"long":            strings.Repeat("A", 100_000),
		"many":            strings.Repeat(strings.Repeat("A", deviceEntry)+".", 1000) + value,
		"separators":      strings.Repeat(".", 1000),
	} {
		if s.findDevice(v, ada.EmailKey) != nil && s.recognised(v, ada) {
			t.Errorf("%s: the device is known", name)
		}
	}
	if serviceWithKeys("x").findDevice(value, ada.EmailKey) != nil {
		t.Error("the value of another service is valid")
	}
	if serviceWithKeys().newDeviceValue("", nil, ada) != "" {
		t.Error("a value without a key")
	}
}

func TestDeviceValue_rotation(t *testing.T) {
	ada := deviceUser("ada")
	before, during, after := serviceWithKeys("a"), serviceWithKeys("b", "a"), serviceWithKeys("b")
	value := before.newDeviceValue("", nil, ada)
	if !during.recognised(value, ada) || after.recognised(value, ada) {
		t.Error("the device is not known as long as its key is kept")
	}
	renewed := during.newDeviceValue(value, during.findDevice(value, ada.EmailKey), ada)
	if !after.recognised(renewed, ada) || renewed[:24] != value[:24] || strings.Contains(renewed, ".") {
		t.Errorf("%q is not renewed: %q", value, renewed)
	}
}

// A device that several people use is known to each of them.
func TestDeviceValue_accounts(t *testing.T) {
	s, value := serviceWithKeys("k"), ""
	var users []User
	for i := range maxDeviceEntries + 1 {
		u := deviceUser(fmt.Sprint("user", i))
		users = append(users, u)
		value = s.newDeviceValue(value, s.findDevice(value, u.EmailKey), u)
	}
	for i, u := range users {
		if s.recognised(value, u) != (i > 0) {
			t.Errorf("user %d of %d: known is %v", i, len(users), i == 0)
		}
	}
	last := users[1]
	again := s.newDeviceValue(value, s.findDevice(value, last.EmailKey), last)
	if len(again) != len(value) || !s.recognised(again, users[5]) || !strings.Contains(value, again[:24]) {
		t.Errorf("a login of a known device changes %q to %q", value, again)
	}
}
