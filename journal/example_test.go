package journal_test

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/idpool/idpool/journal"
)

// A test waits until the client under test has asked for its tokens, and is
// told what happened instead when it did not.
func ExampleJournal_Take() {
	noon := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	j := journal.New(journal.Config{Now: func() time.Time { return noon }})
	j.Add(journal.Entry{Endpoint: journal.EndpointToken, Status: 200, Outcome: journal.OutcomeOK, ClientID: "orders"})
	j.Add(journal.Entry{Endpoint: journal.EndpointToken, Status: 401, Outcome: journal.OutcomeRefused, ClientID: "billing", AADSTS: 7000215})

	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	taken, err := j.Take(ctx, journal.Filter{Endpoint: journal.EndpointToken, ClientID: "orders"}, 1)
	fmt.Println(taken[0].ClientID, err)
	_, err = j.Take(ctx, journal.Filter{Endpoint: journal.EndpointToken, ClientID: "orders"}, 1)
	fmt.Println(err)

	// Output:
	// orders <nil>
	// journal: waited for 1 entry with endpoint=token client_id=orders, none came (context deadline exceeded); another Take has 1 more; the last that did not match:
	//   #2 12:00:00 token 401 AADSTS7000215 client_id=billing (client_id is billing, want orders)
}

func ExamplePrint() {
	noon := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	j := journal.New(journal.Config{Now: func() time.Time { return noon }})
	j.Add(journal.Entry{Endpoint: journal.EndpointToken, Status: 503, Outcome: journal.OutcomeFailed, ClientID: "orders", Fault: "busy"})
	j.Add(journal.Entry{Endpoint: journal.EndpointKafkaLogin, Outcome: journal.OutcomeRefused, Check: "filter", Cause: "no-app-role"})
	journal.Print(os.Stdout, j.List(journal.Filter{}, 0))

	// Output:
	// #1  12:00:00  token        503      client_id=orders fault=busy
	// #2  12:00:00  kafka-login  refused  check=filter cause=no-app-role
}
