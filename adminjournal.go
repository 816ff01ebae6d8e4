package idpool

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/idpool/idpool/internal/openapi"
	"github.com/idpool/idpool/journal"
)

// entryList is a part of the journal.
type entryList struct {
	// Entries are in the order in which they happened.
	Entries []journal.Entry `json:"entries" openapi:"required"`
}

// entryCount is how many entries match.
type entryCount struct {
	// Count is that of the entries which are remembered.
	Count int `json:"count" openapi:"required"`
	// Total is how many entries there ever were, whatever the filter, which is the id
	// of the newest: as the parameter after it means from now on.
	Total uint64 `json:"total" openapi:"required"`
}

// takeRequest waits for entries.
type takeRequest struct {
	journal.Filter
	// Count is how many to wait for. Zero means 1.
	Count int `json:"count,omitempty" openapi:"min=0"`
	// Timeout is how long to wait. Zero means 10 s.
	Timeout Duration `json:"timeout,omitempty"`
}

const (
	defaultTake = 10 * time.Second
	longestTake = 5 * time.Minute
)

func journalEndpoints() []endpoint {
	const tag = "journal"
	filter := []openapi.Parameter{
		{Name: "endpoint", Description: "What the entry is about.", Enum: journal.Endpoints()},
		{Name: "tenant", Description: "The id of the tenant."},
		{Name: "client_id", Description: "The client's appId."},
		{Name: "outcome", Description: "What came of it.", Enum: journal.Outcomes()},
		{Name: "fault", Description: "The id of an injected fault."},
		{Name: "after", Description: "Leave out the entries up to this id.", Type: "integer"},
	}
	limit := openapi.Parameter{Name: "limit", Description: "At most so many, the newest; 0 for all.", Type: "integer"}
	wrong := []int{http.StatusBadRequest}
	return []endpoint{
		{Operation: openapi.Operation{Method: "GET", Path: "/v1/journal", ID: "listJournal", Tag: tag,
			Summary: "What has happened, oldest first", Query: append(filter[:len(filter):len(filter)], limit),
			Responses: answers(http.StatusOK, "The entries.", entryList{}), Problems: wrong},
			do: (*call).listJournal},
		{Operation: openapi.Operation{Method: "DELETE", Path: "/v1/journal", ID: "clearJournal", Tag: tag,
			Summary: "Forget what has happened", Responses: nothing("The journal is empty.")},
			do: func(c *call) (reply, error) { c.journal.Clear(); return gone() }},
		{Operation: openapi.Operation{Method: "GET", Path: "/v1/journal/count", ID: "countJournal", Tag: tag,
			Summary: "How many entries match", Query: filter,
			Responses: answers(http.StatusOK, "The number.", entryCount{}), Problems: wrong},
			do: (*call).countJournal},
		{Operation: openapi.Operation{Method: "POST", Path: "/v1/journal/take", ID: "takeFromJournal", Tag: tag,
			Summary:     "Wait until something has happened, and get it once",
			Description: "An entry that was taken is not taken again. When the time is over the answer is 408, and says what has happened instead; 503 when idpool ends before.",
			Request:     takeRequest{}, Responses: answers(http.StatusOK, "As many entries as were asked for.", entryList{}),
			Problems: append([]int{http.StatusRequestTimeout, http.StatusServiceUnavailable}, bodyProblems...)},
			do: (*call).takeFromJournal},
		{Operation: openapi.Operation{Method: "GET", Path: "/v1/journal/stream", ID: "followJournal", Tag: tag,
			Summary:     "What has happened and what happens, as server-sent events",
			Description: "The id of an event is that of its entry: a client that comes back with Last-Event-ID misses nothing that is remembered.",
			Query:       filter, Problems: wrong,
			Headers:   []openapi.Parameter{{Name: "Last-Event-ID", Description: "The id of the last event that the client has: leave out the entries up to it.", Type: "integer"}},
			Responses: []openapi.Response{{Status: http.StatusOK, Description: "One event for each entry.", Body: journal.Entry{}, ContentType: "text/event-stream"}}},
			do: (*call).followJournal},
	}
}

// filter reads the parameters that say which entries are meant.
func (c *call) filter() (journal.Filter, error) {
	query := c.r.URL.Query()
	query.Del("limit")
	query.Del("scope")
	f, err := journal.ParseFilter(query)
	f.Tenant = c.tenant(f.Tenant)
	return f, err
}

func (c *call) listJournal() (reply, error) {
	f, err := c.filter()
	if err != nil {
		return reply{}, err
	}
	limit, err := c.number("limit", 0)
	if err != nil {
		return reply{}, err
	}
	return ok(entryList{append([]journal.Entry{}, c.journal.List(f, limit)...)})
}

func (c *call) countJournal() (reply, error) {
	f, err := c.filter()
	if err != nil {
		return reply{}, err
	}
	total := c.journal.Total() // before the count: what comes between is after it
	return ok(entryCount{c.journal.Count(f), total})
}

func (c *call) takeFromJournal() (reply, error) {
	in := takeRequest{}
	if err := c.read(&in); err != nil {
		return reply{}, err
	}
	if err := within("timeout", in.Timeout, longestTake); err != nil {
		return reply{}, err
	}
	if in.Timeout == 0 {
		in.Timeout = Duration(defaultTake)
	}
	ctx, cancel := context.WithTimeoutCause(c.waiting(), time.Duration(in.Timeout), fmt.Errorf("waited for %s", in.Timeout))
	defer cancel()
	in.Tenant = c.tenant(in.Tenant)
	taken, err := c.journal.Take(ctx, in.Filter, cmp.Or(in.Count, 1))
	if err != nil && c.lifetime.Err() != nil {
		return reply{}, refused(http.StatusServiceUnavailable, "%v", err)
	}
	if err != nil && ctx.Err() != nil {
		return reply{}, refused(http.StatusRequestTimeout, "%v", err)
	}
	var wrong *journal.Error
	if errors.As(err, &wrong) && wrong.Field == "count" {
		return reply{}, &refusal{http.StatusUnprocessableEntity, problem{Detail: err.Error(), Field: wrong.Field}}
	}
	if err != nil {
		return reply{}, err
	}
	return ok(entryList{taken})
}

func (c *call) followJournal() (reply, error) {
	f, err := c.filter()
	if err != nil {
		return reply{}, err
	}
	if last, notNumber := strconv.ParseUint(c.r.Header.Get("Last-Event-ID"), 10, 64); notNumber == nil {
		f.After = max(f.After, last)
	}
	return reply{stream: func(w http.ResponseWriter, r *http.Request) {
		ctx := c.waiting()
		journal.WriteEvents(w, r.WithContext(ctx), c.journal.Follow(ctx, f))
	}}, nil
}

// errEnds is why nobody waits any longer.
var errEnds = errors.New("idpool, or the scope, ends")

// waiting is the context of what waits for something to happen. It ends with the
// request and with the scope: when the stack ends, nobody is to wait for who
// waits.
func (c *call) waiting() context.Context {
	ctx, cancel := context.WithCancelCause(c.r.Context())
	forget := context.AfterFunc(c.lifetime, func() { cancel(errEnds) })
	context.AfterFunc(ctx, func() { forget() })
	return ctx
}
