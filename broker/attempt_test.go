package broker

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/idpool/idpool/validator"
)

// hookedServer is a loginServer whose verdicts a test changes, and which keeps
// what Observe was told.
type hookedServer struct {
	*loginServer

	mu     sync.Mutex
	decide func(context.Context, Attempt) Verdict
	change func(context.Context, *Verdict)
	logins []Login
}

func newHookedServer(t *testing.T, c Config) *hookedServer {
	t.Helper()
	h := &hookedServer{change: func(context.Context, *Verdict) {}}
	c.Decide = func(ctx context.Context, a Attempt) Verdict {
		h.mu.Lock()
		decide, change := h.decide, h.change
		h.mu.Unlock()
		v := decide(ctx, a)
		change(ctx, &v)
		return v
	}
	c.Observe = func(l Login) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.logins = append(h.logins, l)
	}
	made := newLoginServer(t, c)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.loginServer, h.decide = made, made.decide
	return h
}

// from now on every verdict is changed so.
func (h *hookedServer) from(change func(context.Context, *Verdict)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.change = change
}

// take returns what Observe was told since the last time.
func (h *hookedServer) take() []Login {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := h.logins
	h.logins = nil
	return all
}

// one is the only Login that Observe was told of since the last time.
func (h *hookedServer) one(t *testing.T) Login {
	t.Helper()
	all := h.take()
	if len(all) != 1 {
		t.Fatalf("Observe was told of %d logins, want one: %+v", len(all), all)
	}
	return all[0]
}

// What is injected is told to the letter, whatever the decision is.
func TestInjectedRefusal(t *testing.T) {
	const message = "the broker is being moved"
	rows := []struct {
		name    string
		refusal Refusal
		token   string
		verbose bool
		acks    []string // after the challenge
		code    int16
		want    string
	}{
		{"of a good token", Refusal{Code: 58, Message: message}, "good", false, nil, 58, message},
		{"of a bad token", Refusal{Code: 58, Message: message}, "bad", false, nil, 58, message},
		{"by a verbose broker", Refusal{Code: 58, Message: message}, "bad", true, nil, 58, message},
		{"with another code", Refusal{Code: 7, Message: message}, "good", false, nil, 7, message},
		{"without a code, which would be a success", Refusal{Message: message}, "good", false, nil, 58, message},
		{"without anything", Refusal{}, "good", false, nil, 58, ""},
		{"a challenge", Refusal{Message: "{}", Challenge: true}, "good", false, []string{separator}, 58, "{}"},
		{"a challenge of no bytes, which would be a success", Refusal{Challenge: true}, "good", false, nil, 58, ""},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			s := newHookedServer(t, Config{Verbose: row.verbose})
			s.from(func(_ context.Context, v *Verdict) { v.Fault, v.Refusal = "moved", &row.refusal })
			c := s.dial(t)
			c.handshake()
			r := c.authenticate(saslMessage(row.token))
			for _, ack := range row.acks {
				if r.ErrorCode != 0 || string(r.SASLAuthBytes) != row.refusal.Message {
					t.Errorf("error %d, bytes %q; want the challenge %q", r.ErrorCode, r.SASLAuthBytes, row.refusal.Message)
				}
				r = c.authenticate(ack)
			}
			if r.ErrorCode != row.code || messageOf(r) != row.want || len(r.SASLAuthBytes) > 0 {
				t.Errorf("error %d %q, bytes %q; want %d %q", r.ErrorCode, messageOf(r), r.SASLAuthBytes, row.code, row.want)
			}
			c.closed()
			l := s.one(t)
			if l.Allowed || l.Check != "fault" || l.Reason != row.refusal.Message || l.Fault != "moved" {
				t.Errorf("Observe was told %+v", l)
			}
			lines := s.log.lines(t, "kafka login refused")
			if len(lines) != 1 || lines[0]["fault"] != "moved" || lines[0]["check"] != "fault" {
				t.Errorf("the log has not one line of the fault:\n%s", s.log)
			}
		})
	}
}

// A client of a library shows the text, and is in once the fault is over.
func TestInjectedRefusalOfALibrary(t *testing.T) {
	s := newHookedServer(t, Config{})
	s.knows("token", allowed("User:pool-a", s.clock.Now().Add(time.Hour), "pool-a"))
	s.from(func(_ context.Context, v *Verdict) {
		v.Fault, v.Refusal = "moved", &Refusal{Message: "the broker is being moved"}
	})
	client := side{seed: s.addr, options: []kgo.Opt{loggedIn(), kgo.RetryTimeout(time.Nanosecond)}}.client(t)
	defer client.Close()
	if err := client.Ping(t.Context()); err == nil || !strings.Contains(err.Error(), "the broker is being moved") {
		t.Errorf("got %v, want the text of the fault", err)
	}
	s.from(func(context.Context, *Verdict) {})
	if err := client.Ping(t.Context()); err != nil {
		t.Errorf("after the fault: %v", err)
	}
}

func TestInjectedClose(t *testing.T) {
	for _, again := range []bool{false, true} {
		t.Run(fmt.Sprint("again ", again), func(t *testing.T) {
			s := newHookedServer(t, Config{})
			c := s.dial(t)
			if again {
				c.login("good")
				s.take()
			}
			s.from(func(_ context.Context, v *Verdict) {
				v.Fault, v.Close, v.Refusal = "gone", true, &Refusal{Message: "not told"}
			})
			c.handshake()
			c.send(authenticateRequest(1, saslMessage("good")))
			c.closed()
			if l := s.one(t); l.Allowed || l.Fault != "gone" || l.Check != "fault" || l.Reason != "closed without an answer" || l.Again != again {
				t.Errorf("Observe was told %+v", l)
			}
			if lines := s.log.lines(t, "kafka login refused"); len(lines) != 1 || lines[0]["fault"] != "gone" {
				t.Errorf("the log has not one line of the fault:\n%s", s.log)
			}
		})
	}
}

// A delay lasts no longer than the client's time to log in, and what is said
// after that does not count.
func TestDelayIsCut(t *testing.T) {
	for _, again := range []bool{false, true} {
		t.Run(fmt.Sprint("again ", again), func(t *testing.T) {
			s := newHookedServer(t, Config{LoginTimeout: soon})
			late := fmt.Sprintf("the login took longer than %v", soon)
			c := s.dial(t)
			if again {
				c.login("good")
				s.take()
			}
			s.from(func(ctx context.Context, v *Verdict) {
				v.Fault = "slow"
				<-ctx.Done()
			})
			c.handshake()
			c.send(authenticateRequest(1, saslMessage("good")))
			c.closed()
			l := s.one(t)
			if l.Allowed || l.Check != "" || l.Fault != "slow" || l.Took <= 0 || !strings.HasPrefix(l.Reason, late) {
				t.Errorf("Observe was told %+v", l)
			}
			s.log.until(t, late)
		})
	}
}

// Close ends a delay, also one of a client that authenticates again.
func TestCloseEndsADelay(t *testing.T) {
	for _, again := range []bool{false, true} {
		t.Run(fmt.Sprint("again ", again), func(t *testing.T) {
			s := newHookedServer(t, Config{LoginTimeout: time.Hour})
			c := s.dial(t)
			if again {
				c.login("good")
				s.take()
			}
			deciding := make(chan struct{})
			s.from(func(ctx context.Context, _ *Verdict) {
				close(deciding)
				<-ctx.Done()
			})
			c.handshake()
			c.send(authenticateRequest(1, saslMessage("good")))
			<-deciding
			closed := make(chan error, 1)
			go func() { closed <- s.Close() }()
			select {
			case err := <-closed:
				if err != nil {
					t.Error(err)
				}
			case <-time.After(loginPatience):
				t.Fatal("Close does not return")
			}
			c.closed()
			if l := s.one(t); l.Allowed || l.Reason != "the server was closed" {
				t.Errorf("Observe was told %+v", l)
			}
		})
	}
}

// A session may have a clock of its own: it ends by that, and not by the
// server's.
func TestSessionOnAnotherClock(t *testing.T) {
	begin := func(t *testing.T) (*hookedServer, *testClock, *saslClient) {
		s := newHookedServer(t, Config{})
		own := &testClock{now: s.clock.Now().Add(40 * time.Minute)}
		s.from(func(_ context.Context, v *Verdict) { v.Now = own.Now })
		c := s.dial(t)
		if got := c.login("good").SessionLifetimeMillis; got != 1200_000 {
			t.Errorf("the lifetime is %d, want the 20 min that are left by the session's clock", got)
		}
		if got := s.one(t).Lifetime; got != 20*time.Minute {
			t.Errorf("Observe was told of a lifetime of %v", got)
		}
		s.clock.pass(24 * time.Hour)
		c.served()
		return s, own, c
	}
	t.Run("expiry", func(t *testing.T) {
		s, own, c := begin(t)
		own.pass(20*time.Minute - time.Millisecond)
		c.served()
		own.pass(time.Millisecond)
		c.send(metadataRequest())
		c.closed()
		s.log.until(t, "the session has expired, and the client has not authenticated again")
	})
	t.Run("twice within a second", func(t *testing.T) {
		s, own, c := begin(t)
		c.login("good")
		s.clock.pass(time.Hour)
		own.pass(999 * time.Millisecond)
		if r := c.ask(handshakeRequest(1, mechanism)).(*kmsg.SASLHandshakeResponse); code(r.ErrorCode) != "ILLEGAL_SASL_STATE" {
			t.Errorf("error %s, want ILLEGAL_SASL_STATE", code(r.ErrorCode))
		}
		own.pass(time.Millisecond)
		c.login("good")
		c.served()
	})
	t.Run("another login, on the server's clock again", func(t *testing.T) {
		s, own, c := begin(t)
		s.clock.pass(-24 * time.Hour)
		s.from(func(context.Context, *Verdict) {})
		if got := c.login("good").SessionLifetimeMillis; got != 3600_000 {
			t.Errorf("the lifetime is %d, want the hour by the server's clock", got)
		}
		own.pass(24 * time.Hour)
		s.clock.pass(999 * time.Millisecond)
		if r := c.ask(handshakeRequest(1, mechanism)).(*kmsg.SASLHandshakeResponse); code(r.ErrorCode) != "ILLEGAL_SASL_STATE" {
			t.Errorf("error %s, want ILLEGAL_SASL_STATE: the second login was less than a second ago", code(r.ErrorCode))
		}
		c.served()
		s.clock.pass(time.Hour)
		c.send(metadataRequest())
		c.closed()
	})
}

func TestAttemptSaysWhoAsks(t *testing.T) {
	s := newHookedServer(t, Config{})
	var seen []Attempt
	s.mu.Lock()
	decide := s.decide
	s.decide = func(ctx context.Context, a Attempt) Verdict {
		seen = append(seen, a) // one client, which waits for its answers
		return decide(ctx, a)
	}
	s.mu.Unlock()
	c := s.dial(t)
	c.ask(versionsRequest(3))
	c.login("good")
	c.login("good")
	want := Attempt{Client: c.LocalAddr().String(), Software: "raw 1.0", Request: validator.Request{Token: "good", Cluster: "lkc-acme", Pools: "pool-a",
		Extensions: map[string]string{"logicalCluster": "lkc-acme", "identityPoolId": "pool-a"}}}
	again := want
	again.Again = true
	if !reflect.DeepEqual(seen, []Attempt{want, again}) {
		t.Errorf("got\n%+v\nwant\n%+v\n%+v", seen, want, again)
	}
}

// Each row is what a client sends to log in, and what Observe was told when the
// client knew the answer: there is no waiting.
func TestObserve(t *testing.T) {
	const token = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl"
	rows := []struct {
		name     string
		decision validator.Decision // of the token
		again    bool
		messages []string
		want     []Login
	}{
		{"allowed", allowed("User:pool-a", time.Time{}, "pool-a"), false, []string{saslMessage(token)}, []Login{{Allowed: true}}},
		{"allowed again", allowed("User:pool-a", time.Time{}, "pool-a"), true, []string{saslMessage(token)}, []Login{{Allowed: true}}},
		{"refused", refusedAt(validator.CheckFilter), false, []string{saslMessage(token)},
			[]Login{{Check: "filter", Reason: "it is not right", Cause: "some-cause"}}},
		{"refused by a challenge", refusedAt(validator.CheckExpiry), false, []string{saslMessage(token), separator},
			[]Login{{Check: "expiry", Reason: "it is not right", Cause: "some-cause"}}},
		{"challenged and confused", refusedAt(validator.CheckExpiry), false, []string{saslMessage(token), `\x01`},
			[]Login{{Check: "expiry", Reason: "it is not right", Cause: "some-cause"}}},
		{"challenged, and with another token in", refusedAt(validator.CheckExpiry), false, []string{saslMessage(token), saslMessage("good")},
			[]Login{{Check: "expiry", Reason: "it is not right", Cause: "some-cause"}, {Allowed: true, Lifetime: time.Hour}}},
		// The second refusal had no line in the log.
		{"challenged twice", refusedAt(validator.CheckExpiry), false, []string{saslMessage(token), saslMessage("bad"), separator},
			[]Login{{Check: "expiry", Reason: "it is not right", Cause: "some-cause"}, {Check: "expiry", Reason: "it is not right", Cause: "some-cause"}}},
		{"not of the grammar", refusedAt(validator.CheckExpiry), false, []string{"n,,\x01auth=" + token + "\x01\x01"},
			[]Login{{Check: "message", Reason: "auth is not of the form Bearer TOKEN"}}},
		{"another principal", allowed("User:pool-b", time.Time{}, "pool-b"), true, []string{saslMessage(token)},
			[]Login{{Check: "principal", Reason: "Cannot change principals during re-authentication from User.pool-a: User.pool-b"}}},
		{"another authorization id", allowed("User:pool-a", time.Time{}, "pool-a"), false, []string{"n,a=me,\x01auth=Bearer " + token + "\x01\x01"},
			[]Login{{Check: "principal", Reason: "the client asks for the authorization id me, and its principal is pool-a"}}},
		{"the token as cluster", allowed("User:pool-a", time.Time{}, "pool-a"), false, []string{saslMessage(token, "logicalCluster="+token, "other="+token)},
			[]Login{{Reason: `the cluster cannot be reached as the client's user: there is no cluster "(a token)"`}}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			s := newHookedServer(t, Config{})
			s.knows(token, row.decision)
			c := s.dial(t)
			if row.again {
				c.login("good")
				s.take()
			}
			c.handshake()
			for _, message := range row.messages {
				c.send(authenticateRequest(1, message))
				_ = c.answered()
			}
			got := s.take()
			if len(got) != len(row.want) {
				t.Fatalf("Observe was told of %d logins, want %d: %+v", len(got), len(row.want), got)
			}
			for i, l := range got {
				want := row.want[i]
				if l.Allowed != want.Allowed || l.Check != want.Check || l.Reason != want.Reason || l.Cause != want.Cause || l.Lifetime != want.Lifetime {
					t.Errorf("Observe was told %+v, want %+v", l, want)
				}
				if l.Client != c.LocalAddr().String() || l.Again != row.again || l.Took <= 0 || l.Request.Token != "" {
					t.Errorf("Observe was told of the client %s, again %v, after %v, with the token %q", l.Client, l.Again, l.Took, l.Request.Token)
				}
				if all := fmt.Sprintf("%+v", l); strings.Contains(all, "c2lnbmF0dXJl") {
					t.Errorf("Observe was told the token: %s", all)
				}
			}
		})
	}
}

// A fault that only delays has its id in the line of a login that succeeds, and
// no other line has the word.
func TestFaultInTheLineOfALogin(t *testing.T) {
	s := newHookedServer(t, Config{})
	s.dial(t).login("good")
	s.from(func(_ context.Context, v *Verdict) { v.Fault = "slow" })
	s.dial(t).login("good")
	lines := s.log.lines(t, "kafka login allowed")
	if len(lines) != 2 || lines[0]["fault"] != nil || lines[1]["fault"] != "slow" {
		t.Errorf("got\n%s", s.log)
	}
	if all := s.take(); len(all) != 2 || all[0].Fault != "" || all[1].Fault != "slow" {
		t.Errorf("Observe was told %+v", all)
	}
}

// answered waits for the end of an answer, or of the connection.
func (c *saslClient) answered() error {
	_ = c.SetReadDeadline(time.Now().Add(loginPatience))
	size := make([]byte, 4)
	if _, err := io.ReadFull(c, size); err != nil {
		return err
	}
	_, err := io.CopyN(io.Discard, c, int64(binary.BigEndian.Uint32(size)))
	return err
}

// Who decides may want to know what came of it, and then nobody else is told; a
// message that nobody could decide about is still the server's.
func TestObserveOfAVerdict(t *testing.T) {
	s := newHookedServer(t, Config{})
	var own []Login
	s.from(func(_ context.Context, v *Verdict) {
		v.Observe = func(l Login) { own = append(own, l) } // one client, which waits for its answers
	})
	s.dial(t).login("good")
	c := s.dial(t)
	c.handshake()
	c.authenticate("n,,")
	if len(own) != 1 || !own[0].Allowed {
		t.Errorf("who decided was told %+v", own)
	}
	if l := s.one(t); l.Check != "message" {
		t.Errorf("the server's Observe was told %+v", l)
	}
}
