package config

import (
	"strings"
	"testing"
)

func TestLoad_mail(t *testing.T) {
	const hook, key = "https://hook.example/x", "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz"
	tests := map[string]struct {
		set  map[string]string
		want string // of the error; empty: valid
	}{
		"SMTP":                    {map[string]string{"SMTP_URL": "smtps://u:p%40@mail.example:465", "MAIL_FROM": "Example <a@b.example>"}, ""},
		"SMTP without a user":     {map[string]string{"SMTP_URL": "smtp://localhost", "MAIL_FROM": "a@b.example"}, ""},
		"another scheme":          {map[string]string{"SMTP_URL": "https://u:hunter2@mail", "MAIL_FROM": "a@b.example"}, "SMTP_URL: must begin with smtps:// or smtp://"},
		"an unescaped password":   {map[string]string{"SMTP_URL": "smtps://u:hun@ter2#x@mail", "MAIL_FROM": "a@b.example"}, "SMTP_URL: is not a valid URL"},
		"a path":                  {map[string]string{"SMTP_URL": "smtps://u:hunter2@mail/x", "MAIL_FROM": "a@b.example"}, "SMTP_URL: must end after the host"},
		"two hosts":               {map[string]string{"SMTP_URL": "smtps://u:hunter2@mail,mail2", "MAIL_FROM": "a@b.example"}, "SMTP_URL: is not a valid URL"},
		"a user only":             {map[string]string{"SMTP_URL": "smtps://hunter2@mail", "MAIL_FROM": "a@b.example"}, "SMTP_URL: has a user without a password"},
		"no sender":               {map[string]string{"SMTP_URL": "smtps://mail"}, "MAIL_FROM: must be set when SMTP_URL is"},
		"not a mailbox":           {map[string]string{"SMTP_URL": "smtps://mail", "MAIL_FROM": "Example"}, "MAIL_FROM: must be a mailbox"},
		"a header in the mailbox": {map[string]string{"SMTP_URL": "smtps://mail", "MAIL_FROM": "a@b.example\r\nBcc: c@d.example"}, "MAIL_FROM: must be a mailbox"},
		"webhook":                 {map[string]string{"MAIL_WEBHOOK_URL": hook, "MAIL_WEBHOOK_SECRET": key, "MAIL_FROM": "a@b.example"}, ""},
		"both":                    {map[string]string{"MAIL_WEBHOOK_URL": hook, "MAIL_WEBHOOK_SECRET": key, "MAIL_FROM": "a@b.example", "SMTP_URL": "smtps://mail"}, "must not be set together with SMTP_URL"},
		"a webhook without a key": {map[string]string{"MAIL_WEBHOOK_URL": hook, "MAIL_FROM": "a@b.example"}, "MAIL_WEBHOOK_SECRET: must be set"},
		"a key without a webhook": {map[string]string{"MAIL_WEBHOOK_SECRET": key}, "MAIL_WEBHOOK_URL: must be set"},
		"a short key":             {map[string]string{"MAIL_WEBHOOK_URL": hook, "MAIL_WEBHOOK_SECRET": "whsec_aHVudGVyMg==", "MAIL_FROM": "a@b.example"}, "MAIL_WEBHOOK_SECRET: must be whsec_ and at least 24 bytes"},
		"a webhook without TLS":   {map[string]string{"MAIL_WEBHOOK_URL": "http://hook.example/hunter2", "MAIL_WEBHOOK_SECRET": key, "MAIL_FROM": "a@b.example"}, "MAIL_WEBHOOK_URL: must be a URL that begins with https://"},
		"a webhook on this machine": {map[string]string{"MAIL_WEBHOOK_URL": "http://127.0.0.1:1/x", "MAIL_WEBHOOK_SECRET": key, "MAIL_FROM": "a@b.example"},
			"EGRESS_ALLOW: must list the address"},
		"the same, allowed":        {map[string]string{"MAIL_WEBHOOK_URL": "http://127.0.0.1:1/x", "MAIL_WEBHOOK_SECRET": key, "MAIL_FROM": "a@b.example", "EGRESS_ALLOW": "127.0.0.1"}, ""},
		"missing templates":        {map[string]string{"MAIL_TEMPLATES": "/missing/directory"}, "MAIL_TEMPLATES: \"/missing/directory\": cannot be read"},
		"required without mail":    {map[string]string{"ENV": "production", "EMAIL_VERIFICATION": "required"}, "EMAIL_VERIFICATION: \"required\": needs mail"},
		"required with mail":       {map[string]string{"ENV": "production", "EMAIL_VERIFICATION": "required", "SMTP_URL": "smtps://mail", "MAIL_FROM": "a@b.example", "APP_URL": "https://app.example"}, ""},
		"required in development":  {map[string]string{"EMAIL_VERIFICATION": "required"}, ""},
		"another verification":     {map[string]string{"EMAIL_VERIFICATION": "on"}, "EMAIL_VERIFICATION: \"on\": must be off or optional or required"},
		"production without links": {map[string]string{"ENV": "production", "SMTP_URL": "smtps://mail", "MAIL_FROM": "a@b.example"}, "APP_URL: must be set in production"},
		"no page":                  {map[string]string{"SMTP_URL": "smtps://mail", "MAIL_FROM": "a@b.example", "ACCOUNT_PAGE": "off"}, "APP_URL: must be set when mail is and ACCOUNT_PAGE=off"},
		"a page elsewhere":         {map[string]string{"SMTP_URL": "smtps://mail", "MAIL_FROM": "a@b.example", "ACCOUNT_PAGE": "off", "APP_URL": "https://app.example"}, ""},
		"production with links":    {map[string]string{"ENV": "production", "SMTP_URL": "smtps://mail", "MAIL_FROM": "a@b.example", "APP_URL": "https://app.example"}, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := Load(env(tt.set))
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Load = %v, want %q", err, tt.want)
			}
			if err != nil && (strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "ter2") || strings.Contains(err.Error(), "aHVudGVy")) {
				t.Errorf("the error contains a secret: %v", err)
			}
		})
	}
}

func TestConfig_PublicURL(t *testing.T) {
	for want, c := range map[string]Config{
		"https://app.example": {AppURL: "https://app.example", Issuer: "https://auth.example", Port: 1}, "https://auth.example": {Issuer: "https://auth.example", Port: 1},
		"http://localhost:8080": {Port: 8080}, "http://localhost:81": {Host: "0.0.0.0", Port: 81}, "http://localhost:82": {Host: "::", Port: 82},
		"http://127.0.0.1:83": {Host: "127.0.0.1", Port: 83}, "http://[::1]:84": {Host: "::1", Port: 84}, "http://rekey.lan:85": {Host: "rekey.lan", Port: 85},
	} {
		if got := c.PublicURL(); got != want {
			t.Errorf("PublicURL = %s, want %s", got, want)
		}
	}
}
