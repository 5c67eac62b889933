// Package mail renders and sends single mails. It implements auth.Mailer.
//
// A mail has a template for its kind and language: a text that begins with the
// subject, and optionally HTML. The defaults are embedded; a directory can
// override them. A mail leaves by SMTP, as a signed request to a webhook, or,
// in development, into a directory. Storing mails, retrying and limiting them
// are not part of this package.
package mail
