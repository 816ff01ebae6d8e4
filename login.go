package idpool

import (
	"context"

	"github.com/idpool/idpool/broker"
	"github.com/idpool/idpool/pool"
)

// login decides about a Kafka client, in the scope that its token is of.
func (s *Stack) login(ctx context.Context, a broker.Attempt) broker.Verdict {
	scope := s.ofToken(a.Request.Token)
	return broker.Verdict{Decision: scope.decide(ctx, a.Request), Now: scope.clock.Now}
}

// poolOfAny is a pool of any scope by its id; nil when there is none.
func (s *Stack) poolOfAny(id string) *pool.Pool {
	owner := s.scopes.owner(poolPrefix + id)
	if owner == nil {
		return nil
	}
	return owner.Pool(id)
}
