package redispool

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

const (
	// poolSize limits the connections to each node.
	poolSize = 32
	// redirects is how many redirections are followed, at once, when a cluster's
	// slots move.
	redirects = 2
	// noRetry, noWait and noPool are go-redis' values for "off". A command that
	// must be sent twice takes longer than continuing without Redis. Pipelines
	// need no pool of their own.
	noRetry = -1
	noWait  = -1
	noPool  = -1
)

var errURL = errors.New("not a usable Redis URL: want redis://, redis+sentinel:// or redis+cluster:// (rediss for TLS), " +
	"a host, for one server a database number as path, for sentinels master_name, and options that go-redis knows")

// newClient maps our schemes to the parsers of go-redis. Their errors may repeat
// a part of the URL, and so of the password; they are not returned.
func newClient(o Options) (redis.UniversalClient, error) {
	u, err := url.Parse(o.URL)
	if err != nil || u.Host == "" {
		return nil, errURL
	}
	scheme, kind, _ := strings.Cut(u.Scheme, "+")
	u.Scheme = scheme
	switch kind {
	case "":
		return single(u.String(), o)
	case "sentinel":
		return sentinel(u.String(), o)
	case "cluster":
		return cluster(u.String(), o)
	}
	return nil, fmt.Errorf("%w: unknown kind", errURL)
}

func single(address string, pool Options) (redis.UniversalClient, error) {
	o, err := redis.ParseURL(address)
	if err != nil {
		return nil, errURL
	}
	o.DialTimeout, o.DialerRetries, o.MaxRetries = pool.dialTimeout(), 1, noRetry
	o.ReadTimeout, o.WriteTimeout, o.PoolTimeout = pool.patience(), pool.patience(), pool.patience()
	o.ContextTimeoutEnabled = true
	o.PoolSize, o.PipelinePoolSize = poolSize, noPool
	o.DisableIdentity, o.MaintNotificationsConfig = true, noMaintenance()
	client := redis.NewClient(o)
	client.AddHook(newBreaker(o.Addr, pool))
	return client, nil
}

func sentinel(address string, pool Options) (redis.UniversalClient, error) {
	o, err := redis.ParseFailoverURL(address)
	if err != nil || o.MasterName == "" || o.RouteByLatency || o.RouteRandomly || o.ReplicaOnly {
		return nil, errURL
	}
	o.DialTimeout, o.DialerRetries, o.MaxRetries = pool.dialTimeout(), 1, noRetry
	o.ReadTimeout, o.WriteTimeout, o.PoolTimeout = pool.patience(), pool.patience(), pool.patience()
	o.ContextTimeoutEnabled = true
	o.PoolSize, o.PipelinePoolSize = poolSize, noPool
	o.DisableIdentity = true
	client := redis.NewFailoverClient(o)
	client.AddHook(newBreaker(o.MasterName, pool))
	return client, nil
}

func cluster(address string, pool Options) (redis.UniversalClient, error) {
	o, err := redis.ParseClusterURL(address)
	// Reading from replicas would miss what was just written to masters.
	if err != nil || o.ReadOnly || o.RouteByLatency || o.RouteRandomly {
		return nil, errURL
	}
	o.DialTimeout, o.DialerRetries, o.MaxRetries = pool.dialTimeout(), 1, noRetry
	o.MaxRedirects, o.MinRetryBackoff, o.MaxRetryBackoff = redirects, noWait, noWait
	o.ReadTimeout, o.WriteTimeout, o.PoolTimeout = pool.patience(), pool.patience(), pool.patience()
	o.ContextTimeoutEnabled = true
	o.PoolSize, o.PipelinePoolSize = poolSize, noPool
	o.DisableIdentity, o.MaintNotificationsConfig = true, noMaintenance()
	o.NewClient = func(node *redis.Options) *redis.Client {
		client := redis.NewClient(node)
		client.AddHook(newBreaker(node.Addr, pool))
		return client
	}
	return redis.NewClusterClient(o), nil
}

// noMaintenance turns off a handshake that only a commercial product answers.
func noMaintenance() *maintnotifications.Config {
	return &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
}
