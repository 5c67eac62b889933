package throwaway

import "testing"

func TestStartPostgres_options(t *testing.T) {
	LookPath(t, "postgres", "postgresql")
	t.Setenv(optionsEnv, "-c default_transaction_isolation=serializable -c work_mem=1MB")
	p := StartPostgres(t, "-c", "work_mem=2MB")
	if got := query(t, p.URL(), "SELECT current_setting('transaction_isolation') || ' ' || current_setting('work_mem')"); got != "serializable 2MB" {
		t.Errorf("settings %q", got)
	}
}
