package doctor

import (
	"fmt"
	"slices"
	"time"

	"rekey/internal/auth"
	"rekey/internal/keyring"
)

// old is how long a key may be in use where there is no schedule, as the alert
// RekeyKeyOld has it.
const old = 180 * 24 * time.Hour

// late is how much longer than its schedule a key may be in use.
const late = 24 * time.Hour

// Keys judges the ring as this process could use it; err is why it could not.
func Keys(keys []keyring.Key, err error, rotation time.Duration, now time.Time) (r Report) {
	if err != nil {
		r = append(r, failed("keys", err.Error(), "see docs/keys.md; the service does not start"))
	}
	if len(keys) == 0 && err == nil {
		return Report{ok("keys", "none yet: they are made when the service starts")}
	}
	for _, p := range auth.KeyPurposes() {
		r = append(r, keysOf(p, keys, err, rotation, now))
	}
	if err == nil && slices.ContainsFunc(keys, func(k keyring.Key) bool { return k.Previous }) {
		r = append(r, warning("keys.master", "some keys are sealed with a master key of before",
			"rekey keys reencrypt, then take that one away"))
	}
	return r
}

func keysOf(p auth.KeyPurpose, keys []keyring.Key, err error, rotation time.Duration, now time.Time) Finding {
	check := "keys." + string(p)
	for _, k := range keys {
		if k.Purpose != p || k.State != keyring.Current {
			continue
		}
		if k.File {
			return ok(check, k.KID+" from a file")
		}
		age := now.Sub(k.CreatedAt)
		found := fmt.Sprintf("%s, %d days old", k.KID, int(age.Hours()/24))
		if rotation > 0 {
			return expect(age < rotation+late, check, found, "KEY_ROTATION is "+rotation.String()+", and the service keeps it while it runs: does it?")
		}
		return expect(age < old, check, found, "rekey keys rotate, or KEY_ROTATION: nobody is signed out by it")
	}
	if err != nil {
		return failed(check, "none is known", "as above")
	}
	return failed(check, "no key is in use", "see rekey keys list and docs/keys.md")
}
