package app

// exportDeletions registers the metrics of accounts that are being deleted.
func (a *app) exportDeletions() {
	m := a.metrics
	m.Gauge("rekey_deletions_waiting", "Accounts that are being deleted and are not erased yet.",
		func() int { return a.core.Deletions().Waiting })
	m.Gauges("rekey_deletion_overdue_seconds", "How long the account that is to be erased for longest has been due; 0 if none is due.", nil,
		func(emit func(float64, ...string)) { emit(a.core.Deletions().Overdue.Seconds()) })
}
