package idpool

import (
	"net/http"
	"time"

	"github.com/idpool/idpool/internal/openapi"
)

// clockReading is the time of a scope.
type clockReading struct {
	// Now is the clock's time.
	Now time.Time `json:"now" openapi:"required"`
	// Frozen says that the clock stands still.
	Frozen bool `json:"frozen" openapi:"required"`
	// Offset is how far it is ahead of the time it runs by.
	Offset Duration `json:"offset" openapi:"required"`
}

// clockSetting moves the clock. What is absent stays as it is.
type clockSetting struct {
	// Now is the time to move to.
	Now *time.Time `json:"now,omitempty"`
	// Frozen stops the clock there, or lets it run from there.
	Frozen *bool `json:"frozen,omitempty"`
}

// clockAdvance moves it on.
type clockAdvance struct {
	// By is how far, such as 1h30m; negative moves the clock back.
	By Duration `json:"by" openapi:"required"`
}

func clockEndpoints() []endpoint {
	const tag = "clock"
	reading := answers(http.StatusOK, "The clock.", clockReading{})
	return []endpoint{
		{Operation: openapi.Operation{Method: "GET", Path: "/v1/clock", ID: "showClock", Tag: tag,
			Summary: "The time of issuer, validator, faults and broker sessions", Responses: reading},
			do: func(c *call) (reply, error) { return c.readClock() }},
		{Operation: openapi.Operation{Method: "PUT", Path: "/v1/clock", ID: "setClock", Tag: tag,
			Summary: "Set the clock, and freeze it or let it run", Request: clockSetting{}, Responses: reading, Problems: bodyProblems},
			do: (*call).setClock},
		{Operation: openapi.Operation{Method: "POST", Path: "/v1/clock/advance", ID: "advanceClock", Tag: tag,
			Summary: "Move the clock on, or back by a negative duration", Request: clockAdvance{}, Responses: reading, Problems: bodyProblems},
			do: (*call).advanceClock},
		{Operation: openapi.Operation{Method: "POST", Path: "/v1/clock/freeze", ID: "freezeClock", Tag: tag,
			Summary: "Stop the clock where it is", Responses: reading},
			do: func(c *call) (reply, error) { c.clock.Freeze(); return c.readClock() }},
		{Operation: openapi.Operation{Method: "POST", Path: "/v1/clock/run", ID: "runClock", Tag: tag,
			Summary: "Let a frozen clock go on from where it is", Responses: reading},
			do: func(c *call) (reply, error) { c.clock.Run(); return c.readClock() }},
		{Operation: openapi.Operation{Method: "POST", Path: "/v1/clock/reset", ID: "resetClock", Tag: tag,
			Summary: "Let the clock run with the time that it began with", Responses: reading},
			do: func(c *call) (reply, error) { c.clock.Reset(); return c.readClock() }},
	}
}

func (c *call) readClock() (reply, error) {
	return ok(clockReading{c.clock.Now().UTC(), c.clock.Frozen(), Duration(c.clock.Offset())})
}

func (c *call) setClock() (reply, error) {
	var in clockSetting
	if err := c.read(&in); err != nil {
		return reply{}, err
	}
	if in.Now != nil && !c.clock.within(*in.Now) {
		return reply{}, tooFar("now")
	}
	if in.Frozen != nil && *in.Frozen {
		c.clock.Freeze()
	}
	if in.Now != nil {
		c.clock.Set(*in.Now)
	}
	if in.Frozen != nil && !*in.Frozen {
		c.clock.Run()
	}
	return c.readClock()
}

func (c *call) advanceClock() (reply, error) {
	var in clockAdvance
	if err := c.read(&in); err != nil {
		return reply{}, err
	}
	if in.By == 0 {
		return reply{}, &refusal{http.StatusUnprocessableEntity, problem{Detail: "by is missing, want a duration such as 1h", Field: "by"}}
	}
	if !c.clock.within(c.clock.Now().Add(time.Duration(in.By))) {
		return reply{}, tooFar("by")
	}
	c.clock.Advance(time.Duration(in.By))
	return c.readClock()
}

func tooFar(field string) error {
	return &refusal{http.StatusUnprocessableEntity, problem{Detail: "the clock goes a hundred years from the time it runs by, and no further", Field: field}}
}
