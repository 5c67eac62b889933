package app

import (
	"rekey/internal/outbox"
)

// openMail chooses what sends mails. A server also gets a worker for those in the
// outbox.
func (a *app) openMail(as role) error {
	m, err := a.newMailer()
	if err != nil {
		return err
	}
	a.mailer, a.service = a.faults.Mailer(m), m.Service()
	if as == command {
		return nil
	}
	if a.mailer.Configured() {
		if _, err := a.sealer.Current(); err != nil {
			return err // otherwise each mail would fail later
		}
	}
	a.outbox = outbox.New(outbox.Options{Outbox: a.store, Sealer: a.sealer, Mailer: a.mailer, Holder: a.replica, Logger: a.log})
	return nil
}

// wakeOutbox makes the worker of this process send a mail that was written.
func (a *app) wakeOutbox() {
	if a.outbox != nil {
		a.outbox.Wake()
	}
}

// exportMails registers the metrics of the outbox.
func (a *app) exportMails() {
	m := a.metrics
	m.Counters("rekey_mails_total", "Attempts to send a mail, by the kind of mail and the outcome: sent, failed (it is tried again) or dead (it is not).",
		[]string{"kind", "outcome"}, func(emit func(float64, ...string)) {
			for result, n := range a.outbox.Counts() {
				emit(float64(n), string(result.Kind), string(result.Outcome))
			}
		})
	m.Gauge("rekey_mails_waiting", "Mails in the outbox that wait to be sent.", func() int { return a.outbox.Backlog().Waiting })
	m.Gauge("rekey_mails_dead", "Mails in the outbox that will not be sent.", func() int { return a.outbox.Backlog().Dead })
	m.Gauges("rekey_mail_oldest_seconds", "Age of the mail that has waited for longest; 0 if none waits.", nil,
		func(emit func(float64, ...string)) { emit(a.outbox.Backlog().Oldest.Seconds()) })
}
