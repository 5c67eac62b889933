package cli

import (
	"os/user"

	"rekey/internal/auth"
)

// operator is who runs the command, for the journal.
func operator() auth.Client {
	u, err := user.Current()
	if err != nil {
		return auth.Operator("")
	}
	return auth.Operator(u.Username)
}
