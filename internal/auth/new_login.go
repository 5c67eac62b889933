package auth

import (
	"context"
	"net/netip"
	"strings"
)

// maxSeenLogins is how many of an account's last logins are compared with a new one.
const maxSeenLogins = 100

// newLoginMails returns the mail about a login, if the account has never been used
// with this agent in this network, as far as the journal goes back. A device that
// the account knows causes none.
func (s *Service) newLoginMails(ctx context.Context, u User, known *device, e Event) ([]Mail, error) {
	if !s.settings.NotifyNewLogin || !s.sendsMail || known != nil && known.knows(u) {
		return nil, nil
	}
	seen, err := s.Journal(ctx, JournalQuery{UserID: u.ID, Kinds: []EventKind{EventSignUp, EventLogin}, Limit: maxSeenLogins})
	if err != nil {
		return nil, err
	}
	for _, login := range seen {
		if sameAgent(login.Client.UserAgent, e.Client.UserAgent) && wideNetwork(login.Client.Address) == wideNetwork(e.Client.Address) {
			return nil, nil
		}
	}
	return []Mail{mailAbout(MailNewLogin, u, e)}, nil
}

// sameAgent compares user agents without their digits: an update of a browser is
// not a new device.
func sameAgent(a, b string) bool { return withoutDigits(a) == withoutDigits(b) }

func withoutDigits(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return -1
		}
		return r
	}, text)
}

// wideNetwork returns the network of an address, /24 or /48: the addresses of one
// household or office change within it.
func wideNetwork(address string) string {
	addr, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	bits := 24
	if addr = addr.Unmap().WithZone(""); addr.Is6() {
		bits = 48
	}
	network, err := addr.Prefix(bits)
	if err != nil {
		return address
	}
	return network.String()
}
