// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package redis

import (
	"strconv"
	"strings"
	"testing"

	goredis "github.com/redis/go-redis/v9"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
)

// TestServerTakesConfiguration: a real server accepts every line that is rendered for it, and a running one every
// change that NeedsRestart says it does.
func TestServerTakesConfiguration(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, program string) {
		t.Helper()
		for _, kept := range []v1alpha1.RedisPersistence{"AOF", "RDB", "None"} {
			spec := newSpec("512Mi")
			spec.Redis = &v1alpha1.RedisSpec{Persistence: kept}
			s := start(t, program, spec, nil)
			for name, value := range parametersOf(spec) {
				s.takes(t, name, value)
			}
		}
	})
}

// takes sets a setting on a running server, as NeedsRestart says that it can be.
func (s *server) takes(t *testing.T, name, value string) {
	t.Helper()
	if strings.HasPrefix(name, "tls-") || name == "bind" {
		return // the test's own
	}
	err := s.ConfigSet(t.Context(), name, value).Err()
	if err != nil && strings.Contains(err.Error(), "operating system") {
		return // as many clients need more files than a process may open here
	}
	refused := err != nil && (strings.Contains(err.Error(), "immutable") || strings.Contains(err.Error(), "protected"))
	if refused != NeedsRestart(name) || (err != nil && !refused) {
		t.Errorf("CONFIG SET %s %q: %v; NeedsRestart says %v", name, value, err, NeedsRestart(name))
	}
}

// TestServerReadsValuesBack proves the escaping on the parser that counts.
func TestServerReadsValuesBack(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, program string) {
		t.Helper()
		for _, value := range []string{
			`"`, `\`, `\"`, "it's", "a\nport 1", "\t\x01\x7f", "ä€😀", "# x", `\x0a`, "a  b ",
		} {
			s := start(t, program, newSpec("512Mi"), map[string]string{"masteruser": value})
			got, err := s.ConfigGet(t.Context(), "masteruser").Result()
			must(t, err)
			if got["masteruser"] != value {
				t.Errorf("%q was read back as %q", value, got["masteruser"])
			}
		}
	})
}

// ends are values at both ends of what is allowed, found by trying.
func ends(check func(string) error) (values []string) {
	candidates := []string{
		"yes", "no", "-5", "-1", "0", "1", "100", "500", "64", "16000", "65000", "65535", "65536", "2147483647",
		"noeviction", "allkeys-lru", "allkeys-lfu", "allkeys-random", "volatile-lru", "volatile-lfu", "volatile-random",
		"volatile-ttl", "0%", "100%", "1mb", "1gb", "1tb", "1024gb", "65536gb", "10k", "10kb", "10m", "1g", "",
		"KEg$lszhxetdmnA", "everysec", "always", "warning", "notice", "verbose", "debug",
		"pubsub 64mb 16mb 60", "normal 0 0 0 pubsub 1gb 1g 1",
		"10", "128",
	}
	for _, value := range candidates {
		if check(value) == nil {
			values = append(values, value)
		}
	}
	return values
}

// TestServerAgreesOnDirectives: what a user may set, the server knows and takes, at both ends of what is allowed, and
// while it runs unless NeedsRestart says otherwise.
func TestServerAgreesOnDirectives(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, program string) {
		t.Helper()
		s := start(t, program, newSpec("512Mi"), nil)
		for name, d := range directives {
			values := ends(d.check)
			if len(values) < 2 {
				t.Errorf("%s was tried with %q alone", name, values)
			}
			for _, value := range values {
				s.takes(t, name, value)
			}
		}
	})
}

// TestServerStartsWithRestartParameters at both ends of what is allowed.
func TestServerStartsWithRestartParameters(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, program string) {
		t.Helper()
		for name, d := range directives {
			if !d.restart {
				continue
			}
			for _, value := range ends(d.check) {
				spec := newSpec("512Mi")
				spec.Parameters = p(name, value)
				s := start(t, program, spec, nil)
				got, err := s.ConfigGet(t.Context(), name).Result()
				must(t, err)
				if got[name] != value {
					t.Errorf("%s is %q, want %q", name, got[name], value)
				}
			}
		}
	})
}

// TestServerTakesLimitsBack: a user's limit for a class of clients counts, and what was there before counts again when
// the user takes it back, on a server that runs.
func TestServerTakesLimitsBack(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, program string) {
		t.Helper()
		spec := newSpec("512Mi")
		spec.Parameters = p(outputLimits, "pubsub 64mb 16mb 30")
		s := start(t, program, spec, nil)
		with, without := parametersOf(spec), parametersOf(newSpec("512Mi"))
		live, restart := Changes(with, without)
		if len(restart) > 0 {
			t.Fatalf("%v wait for a restart", restart)
		}
		for value, want := range map[string]string{
			with[outputLimits]: "pubsub 67108864 16777216 30", live[outputLimits]: "pubsub 33554432 8388608 60",
		} {
			must(t, s.ConfigSet(t.Context(), outputLimits, value).Err())
			got, err := s.ConfigGet(t.Context(), outputLimits).Result()
			must(t, err)
			replicas := strings.Contains(got[outputLimits], " 67108864 33554432 60")
			if !replicas || !strings.Contains(got[outputLimits], want) {
				t.Errorf("%s gave %s, want %s", value, got[outputLimits], want)
			}
		}
	})
}

// TestServerReadsMemoryAlike: AtlasDB counts as the server does.
func TestServerReadsMemoryAlike(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, program string) {
		t.Helper()
		s := start(t, program, newSpec("512Mi"), nil)
		for _, value := range []string{"1048577", "2000k", "2000kb", "3m", "3mb", "1g", "1gb", "1GB", "5000000b"} {
			must(t, s.ConfigSet(t.Context(), "maxmemory", value).Err())
			got, err := s.ConfigGet(t.Context(), "maxmemory").Result()
			must(t, err)
			if want, err := parseMemory(value); err != nil || got["maxmemory"] != strconv.FormatInt(want, 10) {
				t.Errorf("%s is %s, we say %d, %v", value, got["maxmemory"], want, err)
			}
		}
	})
}

// TestServerEncrypts: the port for clients speaks TLS, and a login opens it.
func TestServerEncrypts(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, program string) {
		t.Helper()
		s := start(t, program, newSpec("512Mi"), nil)
		plain := goredis.NewClient(&goredis.Options{Addr: s.tls, Username: "app", Password: appPassword, MaxRetries: -1})
		defer func() { _ = plain.Close() }()
		if err := plain.Ping(t.Context()).Err(); err == nil {
			t.Error("the port answers without TLS")
		}
		options, err := goredis.ParseURL("rediss://app:application%27s@" + s.tls + "?skip_verify=true")
		must(t, err)
		client := goredis.NewClient(options)
		defer func() { _ = client.Close() }()
		must(t, client.Set(t.Context(), "key", "value", 0).Err())
	})
}
