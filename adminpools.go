package idpool

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/go-chi/chi/v5"

	"github.com/idpool/idpool/pool"
)

// roleBindings is the body of the role bindings of a pool, in both directions.
type roleBindings struct {
	RoleBindings []pool.RoleBinding `json:"roleBindings"`
}

// showRoleBindings answers with the role bindings of a pool as they are now.
func (s *Stack) showRoleBindings(w http.ResponseWriter, r *http.Request) {
	p, ok := s.poolOf(w, r)
	if !ok {
		return
	}
	writeJSON(w, http.StatusOK, "application/json", roleBindings{append([]pool.RoleBinding{}, p.RoleBindings()...)})
}

// putRoleBindings replaces them, from the next request of a Kafka client on.
func (s *Stack) putRoleBindings(w http.ResponseWriter, r *http.Request) {
	p, ok := s.poolOf(w, r)
	if !ok {
		return
	}
	in := roleBindings{}
	if status, err := readJSON(w, r, &in); err != nil {
		refuse(w, status, err.Error())
		return
	}
	if in.RoleBindings == nil {
		refuse(w, http.StatusBadRequest, "roleBindings is missing: write [] for none")
		return
	}
	err := s.SetRoleBindings(r.Context(), p.Config().ID, in.RoleBindings)
	var notApplied *ApplyError
	switch {
	case errors.As(err, &notApplied):
		refuse(w, http.StatusInternalServerError, err.Error())
		return
	case err != nil:
		refuse(w, http.StatusUnprocessableEntity, err.Error())
		return
	}
	writeJSON(w, http.StatusOK, "application/json", in)
}

// poolOf is the pool that the path names; without one it is refused.
func (s *Stack) poolOf(w http.ResponseWriter, r *http.Request) (*pool.Pool, bool) {
	id := chi.URLParam(r, "pool")
	p := s.Pool(id)
	if p == nil {
		refuse(w, http.StatusNotFound, fmt.Sprintf("there is no pool %q", id))
	}
	return p, p != nil
}
