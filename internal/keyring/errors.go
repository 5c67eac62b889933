package keyring

import (
	"errors"
	"fmt"

	"rekey/internal/auth"
)

// errOtherMaster: the key is sealed with a master key that is not here.
var errOtherMaster = errors.New("sealed with another master key")

// errNoKey: nothing can sign, or derive.
var errNoKey = errors.New("there is no key to go on with")

const (
	hintGive = "give this process the one that the others have, by MASTER_KEY or MASTER_KEY_FILE, or as master.key in DATA_DIR; one of before goes into MASTER_KEY_PREVIOUS"
	hintKept = "master.key in DATA_DIR is that one: take MASTER_KEY and MASTER_KEY_FILE away, or, to change to another, name it by MASTER_KEY_PREVIOUS_FILE and run rekey keys reencrypt"
	hintLost = "If it is lost for good, rekey keys reset makes new keys, and everybody has to sign in again"
)

// Misconfigured is an error that goes when this process is given other keys.
type Misconfigured struct{ error }

// Unwrap returns the error itself.
func (m Misconfigured) Unwrap() error { return m.error }

// wrongMaster tells an operator what to do. The caller holds the lock.
func (r *Ring) wrongMaster(k auth.SealedKey) error {
	what := "there is no master key here"
	if len(r.masters) > 0 {
		what = "the master key here is " + r.masters[0].id
	}
	hint := hintGive + ". " + hintLost
	if keeps(r.Dir, k.Master) {
		hint = hintKept
	}
	return Misconfigured{fmt.Errorf("the %s key %s in the database is encrypted with the master key %s, and %s: %s",
		k.Purpose, k.KID, k.Master, what, hint)}
}
