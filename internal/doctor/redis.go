package doctor

import (
	"fmt"

	"rekey/internal/redispool"
)

// Redis judges the masters that answered; err is why others did not. Without
// Redis everything works, by asking the database.
func Redis(kind string, nodes []redispool.Node, err error) (r Report) {
	if err != nil {
		r = append(r, warning("redis", err.Error(), "access checks ask the database, and replicas count limits alone, until it is back"))
	}
	for _, n := range nodes {
		r = append(r, ok("redis", fmt.Sprintf("%s, a %s answers, version %s", kind, n.Role, n.Version)),
			expect(n.Policy == redispool.TrustedPolicy, "redis.maxmemory-policy", n.Policy,
				"CONFIG SET maxmemory-policy "+redispool.TrustedPolicy+", and in its configuration: under another one it is not trusted, and access checks ask the database"))
		if n.Role != "master" {
			r = append(r, warning("redis.role", n.Role, "let REDIS_URL lead to the master: a replica takes no entries"))
		}
	}
	return r
}
