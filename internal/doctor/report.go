// Package doctor judges what was found out about an installation: what is well,
// what should be mended, and how. It opens no connection and changes nothing;
// what it judges is looked up by whoever calls it.
package doctor

// Status is how well something is.
type Status string

// The statuses, from good to bad.
const (
	OK      Status = "ok"
	Warning Status = "warning" // it works, but should be mended
	Failed  Status = "failed"
)

// Finding is one line of a report.
type Finding struct {
	Check  string  `json:"check"` // an area and a name, such as database.fsync
	Status Status  `json:"status"`
	Found  string  `json:"found"`
	Advice *string `json:"advice"` // null when all is well
}

// Report is all that was looked at, in the order of looking.
type Report []Finding

// Count returns how many findings have a status.
func (r Report) Count(s Status) (n int) {
	for _, f := range r {
		if f.Status == s {
			n++
		}
	}
	return n
}

// Worst is the status of the whole.
func (r Report) Worst() Status {
	switch {
	case r.Count(Failed) > 0:
		return Failed
	case r.Count(Warning) > 0:
		return Warning
	}
	return OK
}

func ok(check, found string) Finding { return Finding{Check: check, Status: OK, Found: found} }

func warning(check, found, advice string) Finding {
	return Finding{Check: check, Status: Warning, Found: found, Advice: &advice}
}

func failed(check, found, advice string) Finding {
	return Finding{Check: check, Status: Failed, Found: found, Advice: &advice}
}

// expect is ok when it holds, and a warning otherwise.
func expect(holds bool, check, found, advice string) Finding {
	if holds {
		return ok(check, found)
	}
	return warning(check, found, advice)
}
