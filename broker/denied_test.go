package broker

import (
	"sync"
	"testing"
)

// Denials were in the log alone. What is denied again on a connection is told
// once, by the embedded cluster and in front of a real one.
func TestDenied(t *testing.T) {
	for name, c := range map[string]struct {
		config    Config
		operation string
	}{
		"embedded": {Config{}, "Produce"},
		"gateway":  {Config{Upstream: &Upstream{Bootstrap: []string{direct(t)}}}, "Write"},
	} {
		t.Run(name, func(t *testing.T) {
			var mu sync.Mutex
			var told []Denial
			live := &livePools{}
			live.are(reader(t, "pool-a"))
			c.config.Pool = live.find
			c.config.Denied = func(d Denial) {
				mu.Lock()
				defer mu.Unlock()
				told = append(told, d)
			}
			s := newLoginServer(t, c.config)
			client := s.dial(t)
			client.login("good")
			for range 3 {
				if got := client.produce("orders"); got != mayNotWrite {
					t.Fatalf("produce has %s, want %s", got, mayNotWrite)
				}
			}
			mu.Lock()
			defer mu.Unlock()
			if len(told) != 1 {
				t.Fatalf("told of %d denials, want one: %+v", len(told), told)
			}
			d := told[0]
			if d.Operation != c.operation || d.Resource != "topic=orders" || d.Error != "TOPIC_AUTHORIZATION_FAILED" ||
				d.Decision.Principal != "User:pool-a" || d.Cluster != "lkc-acme" || d.Client != client.LocalAddr().String() {
				t.Errorf("%+v", d)
			}
		})
	}
}
