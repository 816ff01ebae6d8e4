package idpool

import (
	"cmp"
	"context"
	"strings"

	"github.com/idpool/idpool/broker"
	"github.com/idpool/idpool/fault"
	"github.com/idpool/idpool/journal"
	"github.com/idpool/idpool/pool"
	"github.com/idpool/idpool/validator"
)

// login decides about a Kafka client, in the scope that it means.
func (s *Stack) login(ctx context.Context, a broker.Attempt) broker.Verdict {
	says := hear(a.Request.Token)
	scope := s.ofLogin(a.Request.Pools, says)
	v := broker.Verdict{Now: scope.clock.Now, Logger: scope.log}
	v.Denied = func(d broker.Denial) { scope.note(scope.denialEntry(d, says)) }
	v.Observe = func(l broker.Login) {
		e := scope.loginEntry(l, says)
		if v.Close {
			e.Outcome = journal.OutcomeFailed // there was no answer
		}
		scope.note(e)
	}
	if injected := scope.faults.Login(ctx, attempted(a, says)); injected != nil {
		v.Fault, v.Close = injected.ID, injected.Close
		if injected.Error != "" {
			v.Refusal = &broker.Refusal{Message: injected.Error}
		}
	}
	if !v.Close && v.Refusal == nil {
		v.Decision = scope.decide(ctx, a.Request)
		v.Fault = cmp.Or(v.Fault, v.Decision.Fault)
	}
	return v
}

// attempted is a client as faults look at it.
func attempted(a broker.Attempt, says hearsay) fault.Login {
	l := fault.Login{Tenant: says.tenantID(), ClientID: says.client, Cluster: a.Request.Cluster,
		Client: a.Client, Software: a.Software, Again: a.Again}
	if a.Request.Pools != "" {
		l.Pools = strings.Split(a.Request.Pools, ",")
	}
	return l
}

// loginEntry is what the journal says of a login.
func (s *Scope) loginEntry(l broker.Login, says hearsay) journal.Entry {
	d := l.Decision
	e := journal.Entry{Endpoint: journal.EndpointKafkaLogin, Listener: "kafka", Client: l.Client, Fault: l.Fault,
		Tenant: s.noted(says.tenantID()), ClientID: s.noted(says.client), Cluster: s.noted(l.Request.Cluster),
		Principal: d.Principal, Identity: s.noted(d.Identity), Pools: d.Pools,
		Check: l.Check, Cause: l.Cause, Detail: s.said(l.Reason), Outcome: journal.OutcomeOK, Duration: l.Took}
	if !l.Allowed {
		e.Outcome, e.Pools = journal.OutcomeRefused, s.asked(l.Request.Pools)
		if failed := d.Failed(); failed.Name == l.Check {
			e.Got, e.Want = s.said(failed.Got), s.said(failed.Want)
		}
	}
	return e
}

// denialEntry is what the journal says of an operation that was denied to a client
// which is logged in.
func (s *Scope) denialEntry(denied broker.Denial, says hearsay) journal.Entry {
	d := denied.Decision
	return journal.Entry{Endpoint: journal.EndpointKafkaOperation, Listener: "kafka", Client: denied.Client,
		Tenant: s.noted(says.tenantID()), ClientID: s.noted(says.client), Cluster: s.noted(denied.Cluster),
		Principal: d.Principal, Identity: s.noted(d.Identity), Pools: d.Pools,
		Operation: denied.Operation, Resource: s.noted(denied.Resource), Error: denied.Error,
		Check: validator.CheckAuthorization, Cause: "no-role-binding", Outcome: journal.OutcomeRefused}
}

// poolOfAny is a pool of any scope by its id; nil when there is none.
func (s *Stack) poolOfAny(id string) *pool.Pool {
	owner := s.scopes.owner(poolPrefix + id)
	if owner == nil {
		return nil
	}
	return owner.Pool(id)
}
