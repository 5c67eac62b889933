package main

import (
	"errors"
	"fmt"
	"testing"
)

func TestExitCode(t *testing.T) {
	missed := fmt.Errorf("%w: a full disk", errMissed)
	for name, c := range map[string]struct {
		err  error
		want int
	}{
		"nothing but too little load":     {errors.Join(errLoad, errors.Join(missed, missed)), exitDoesNotCount},
		"a finding among what counts not": {errors.Join(errLoad, errors.Join(missed, errFindings)), exitFindings},
		"a bad build that passed":         {errors.Join(missed, fmt.Errorf("%w: fork-on-retry", errNotCaught)), exitDoubtful},
		"a request that took too long":    {errors.Join(errLate, missed), exitDoubtful},
		"too little load for that":        {errors.Join(errLoad, errLate), exitDoesNotCount},
		"it could not run":                {errors.Join(missed, errLate, errors.New("no Postgres")), exitBroken},
		"too little load to run":          {errors.Join(errLoad, errors.New("nobody logs in")), exitDoesNotCount},
	} {
		if got := exitCode(c.err); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}
