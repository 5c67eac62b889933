package app

import (
	"fmt"

	"rekey/internal/breached"
	"rekey/internal/cli"
	"rekey/internal/config"
)

// openBreached opens the lists of leaked passwords, if there are any.
func (a *app) openBreached() (err error) {
	if a.cfg.BreachedPasswords == "" && a.cfg.BreachedPasswordsFile == "" {
		return nil
	}
	a.breached, err = breached.Open(breached.Options{
		URL: a.cfg.BreachedPasswords, Path: a.cfg.BreachedPasswordsFile, Allow: a.cfg.EgressAllow, Timeout: a.breachedTimeout, Now: a.now, Logger: a.log,
	})
	if err != nil {
		return cli.Fail(cli.ExitConfiguration, err)
	}
	return nil
}

// checkBreachedFile checks BREACHED_PASSWORDS_FILE.
func checkBreachedFile(cfg config.Config) error {
	if cfg.BreachedPasswordsFile == "" {
		return nil
	}
	f, err := breached.OpenFile(cfg.BreachedPasswordsFile)
	if err != nil {
		return fmt.Errorf("BREACHED_PASSWORDS_FILE: %w", err)
	}
	return f.Close()
}

// exportBreached registers the metric of the checks.
func (a *app) exportBreached() {
	a.metrics.Counters("rekey_breached_password_checks_total",
		"Checks of new passwords in a list of leaked ones, by the list (file, range) and the outcome: hit (the password was refused), miss or failed (it was accepted unchecked).",
		[]string{"source", "outcome"}, func(emit func(float64, ...string)) {
			for result, n := range a.breached.Counts() {
				emit(float64(n), string(result.Source), string(result.Outcome))
			}
		})
}
