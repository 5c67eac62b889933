package blacklist

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"github.com/redis/go-redis/v9/maintnotifications"
)

const (
	dialTimeout = 200 * time.Millisecond
	// poolSize bounds the connections a node.
	poolSize = 32
	// noRetry and noPool are go-redis' spelling. A cache that must be asked
	// twice is slower than the store; and pipelines need no pool of their own.
	noRetry = -1
	noPool  = -1
)

// Open makes a cache on Redis. It does not connect yet: a Redis that is away
// makes everyone ask SQL, and is no reason not to start. The error is about
// Options.RedisURL and does not repeat it.
func Open(o Options) (*Cache, error) {
	o = o.withDefaults()
	client, err := newClient(o.RedisURL, o.putTimeout())
	if err != nil {
		return nil, err
	}
	return newCache(o, newRedisBackend(client, o.Timeout)), nil
}

var errRedisURL = errors.New("not a usable Redis URL: want redis://, redis+sentinel:// or redis+cluster:// (rediss for TLS), " +
	"a host, for one server a database number as path, for sentinels master_name, and options that go-redis knows")

// newClient maps our schemes onto the parsers of go-redis. Their errors may
// repeat a part of the URL, and so of the password; none is passed on.
// timeout is for what is written and read; a look's own is shorter.
func newClient(redisURL string, timeout time.Duration) (redis.UniversalClient, error) {
	u, err := url.Parse(redisURL)
	if err != nil || u.Host == "" {
		return nil, errRedisURL
	}
	// go-redis logs each failed connection to stderr through a global logger
	// and knows no other way. Status tells the same, once.
	logging.Disable()
	scheme, kind, _ := strings.Cut(u.Scheme, "+")
	u.Scheme = scheme
	switch kind {
	case "":
		return single(u.String(), timeout)
	case "sentinel":
		return sentinel(u.String(), timeout)
	case "cluster":
		return cluster(u.String(), timeout)
	}
	return nil, fmt.Errorf("%w: unknown kind", errRedisURL)
}

func single(address string, timeout time.Duration) (redis.UniversalClient, error) {
	o, err := redis.ParseURL(address)
	if err != nil {
		return nil, errRedisURL
	}
	o.DialTimeout, o.DialerRetries, o.MaxRetries = dialTimeout, 1, noRetry
	o.ReadTimeout, o.WriteTimeout, o.PoolTimeout = timeout, timeout, timeout
	o.ContextTimeoutEnabled = true
	o.PoolSize, o.PipelinePoolSize = poolSize, noPool
	o.DisableIdentity, o.MaintNotificationsConfig = true, noMaintenance()
	return redis.NewClient(o), nil
}

func sentinel(address string, timeout time.Duration) (redis.UniversalClient, error) {
	o, err := redis.ParseFailoverURL(address)
	if err != nil || o.MasterName == "" || o.RouteByLatency || o.RouteRandomly || o.ReplicaOnly {
		return nil, errRedisURL
	}
	o.DialTimeout, o.DialerRetries, o.MaxRetries = dialTimeout, 1, noRetry
	o.ReadTimeout, o.WriteTimeout, o.PoolTimeout = timeout, timeout, timeout
	o.ContextTimeoutEnabled = true
	o.PoolSize, o.PipelinePoolSize = poolSize, noPool
	o.DisableIdentity = true
	return redis.NewFailoverClient(o), nil
}

func cluster(address string, timeout time.Duration) (redis.UniversalClient, error) {
	o, err := redis.ParseClusterURL(address)
	// Reading from replicas would miss what masters have just been given.
	if err != nil || o.ReadOnly || o.RouteByLatency || o.RouteRandomly {
		return nil, errRedisURL
	}
	o.DialTimeout, o.DialerRetries, o.MaxRetries = dialTimeout, 1, noRetry
	o.ReadTimeout, o.WriteTimeout, o.PoolTimeout = timeout, timeout, timeout
	o.ContextTimeoutEnabled = true
	o.PoolSize, o.PipelinePoolSize = poolSize, noPool
	o.DisableIdentity, o.MaintNotificationsConfig = true, noMaintenance()
	return redis.NewClusterClient(o), nil
}

// noMaintenance turns off a handshake that only a commercial offering answers.
func noMaintenance() *maintnotifications.Config {
	return &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
}
