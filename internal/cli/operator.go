package cli

import (
	"fmt"
	"os"
	"os/user"

	"rekey/internal/auth"
)

// operator is who runs the command, for the journal. What sudo says of who is
// behind root is as true as root wants it to be.
func operator() auth.Client {
	name := fmt.Sprintf("uid %d", os.Getuid()) // an image has no list of users
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	if behind := os.Getenv("SUDO_USER"); behind != "" && os.Getuid() == 0 {
		name += " (sudo by " + behind + ")"
	}
	return auth.Operator(name)
}
