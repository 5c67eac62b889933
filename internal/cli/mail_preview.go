package cli

import (
	"context"
	"slices"
	"strings"

	"github.com/urfave/cli/v3"

	"rekey/internal/auth"
)

// MailPreview is a rendered mail.
type MailPreview struct {
	Language string `json:"language"`
	Subject  string `json:"subject"`
	Text     string `json:"text"`
	HTML     string `json:"html"` // or empty
}

// previewMail writes a mail with invented data. Nothing is sent.
func (p Program) previewMail() *cli.Command {
	return &cli.Command{
		Name: "preview", Usage: "write a mail with invented data, to check templates", ArgsUsage: "KIND",
		Description: "The kinds are " + strings.Join(mailKinds(), ", ") + ".\n\n" +
			"Example:\n  rekey mail preview reset_password --locale hu --html > mail.html",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "locale", Value: "en", Usage: "`LANGUAGE` of the mail, such as hu or pt-BR"},
			&cli.BoolFlag{Name: "html", Usage: "write the HTML"},
			&cli.BoolFlag{Name: "text", Usage: "write the subject and the text (the default)"},
		},
		Action: func(_ context.Context, cmd *cli.Command) error {
			kind := cmd.Args().First()
			switch {
			case !slices.Contains(mailKinds(), kind):
				return usage("there is no kind of mail %q%s; see rekey mail preview --help", kind, didYouMean(Nearest(kind, mailKinds())))
			case cmd.Bool("html") && cmd.Bool("text"):
				return usage("mail preview takes --html or --text, not both")
			}
			m, err := p.PreviewMail(kind, cmd.String("locale"))
			if err != nil {
				return err
			}
			if cmd.Bool("html") {
				return p.show(cmd, m, m.HTML)
			}
			return p.show(cmd, m, "Subject: "+m.Subject+"\n\n"+m.Text)
		},
	}
}

func mailKinds() (names []string) {
	for _, kind := range auth.MailKinds() {
		names = append(names, string(kind))
	}
	return names
}
