package metrics

import "github.com/prometheus/client_golang/prometheus"

func newState(src Sources) *state {
	s := &state{}
	s.accessChecks(src)
	s.redis(src.Redis)
	s.pools(src.Pools)
	if src.Passwords != nil {
		s.gauge("rekey_passwords_hashing", "Passwords that are being hashed.", func() float64 { n, _ := src.Passwords(); return float64(n) })
		s.gauge("rekey_passwords_waiting", "Passwords that wait for their turn to be hashed.", func() float64 { _, n := src.Passwords(); return float64(n) })
	}
	if src.ClockSkewed != nil {
		s.gauge("rekey_clock_skewed", "1 while this replica's clock is too far off the database's, and token work is refused.",
			func() float64 { return number(src.ClockSkewed()) })
	}
	if src.Streams != nil {
		s.gauge("rekey_stream_connections", "Connections that stay open for events.", func() float64 { n, _ := src.Streams(); return float64(n) })
		s.gauge("rekey_session_streams", "Streams of events of sessions.", func() float64 { _, n := src.Streams(); return float64(n) })
	}
	s.keys(src.Keys)
	if src.KeysFailing != nil {
		s.gauge("rekey_key_ring_failing", "1 while this replica's key ring cannot be kept up to date.", func() float64 { return number(src.KeysFailing()) })
	}
	return s
}

// accessChecks tells where the truth about access tokens came from.
func (s *state) accessChecks(src Sources) {
	if src.AccessChecks == nil {
		return
	}
	s.add(prometheus.CounterValue, "rekey_blacklist_checks_total",
		"Access tokens looked up, by the source that answered (cache, database) and why: cleared, or why the cache could not tell.",
		[]string{"source", "reason"}, func(emit func(float64, ...string)) {
			for outcome, n := range src.AccessChecks() {
				source := "database"
				if outcome == src.Cleared {
					source = "cache"
				}
				emit(float64(n), source, outcome)
			}
		})
}

func (s *state) redis(r *Redis) {
	if r == nil {
		return
	}
	s.gauge("rekey_redis_trusted", "1 while access checks may rely on Redis; 0 while they ask the database.", func() float64 { return number(r.Trusted()) })
	s.gauge("rekey_redis_breakers_open", "Redis nodes that are given a rest because they did not answer in time.", func() float64 { return float64(r.OpenBreakers()) })
	s.add(prometheus.GaugeValue, "rekey_redis_connections", "Connections to Redis.", []string{"state"}, func(emit func(float64, ...string)) {
		open, idle := r.Connections()
		emit(float64(open-idle), "busy")
		emit(float64(idle), "idle")
	})
	if r.Sharing == nil {
		return
	}
	s.gauge("rekey_limits_shared", "1 while rate limits are counted on Redis for all replicas; 0 while this one counts alone.", func() float64 { return number(r.Sharing()) })
	s.add(prometheus.CounterValue, "rekey_limit_counts_total", "Requests counted against shared limits, by where: redis, or this replica alone.",
		[]string{"counted"}, func(emit func(float64, ...string)) {
			shared, alone := r.Counts()
			emit(float64(shared), "redis")
			emit(float64(alone), "alone")
		})
}

func (s *state) pools(read func() []Pool) {
	if read == nil {
		return
	}
	each := func(kind prometheus.ValueType, name, help string, value func(Pool) float64) {
		s.add(kind, name, help, []string{"pool"}, func(emit func(float64, ...string)) {
			for _, p := range read() {
				emit(value(p), p.Name)
			}
		})
	}
	each(prometheus.GaugeValue, "rekey_database_connections_max", "Most connections to the database.", func(p Pool) float64 { return float64(p.Most) })
	each(prometheus.GaugeValue, "rekey_database_connections_open", "Connections to the database.", func(p Pool) float64 { return float64(p.Open) })
	each(prometheus.GaugeValue, "rekey_database_connections_busy", "Connections to the database that are in use.", func(p Pool) float64 { return float64(p.Busy) })
	each(prometheus.CounterValue, "rekey_database_waits_total", "Times that no connection to the database was free.", func(p Pool) float64 { return float64(p.Waits) })
	each(prometheus.CounterValue, "rekey_database_wait_seconds_total", "Time spent waiting for a free connection to the database.", func(p Pool) float64 { return p.Waited.Seconds() })
}

func (s *state) keys(read func() []Key) {
	if read == nil {
		return
	}
	s.add(prometheus.GaugeValue, "rekey_key_age_seconds", "Age of the key that signs or derives now.", []string{"purpose"}, func(emit func(float64, ...string)) {
		for _, k := range read() {
			emit(k.Age.Seconds(), k.Purpose)
		}
	})
}
