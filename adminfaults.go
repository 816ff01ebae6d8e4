package idpool

import (
	"net/http"
	"strings"

	"github.com/idpool/idpool/fault"
	"github.com/idpool/idpool/internal/openapi"
)

// faultList is the body of the faults.
type faultList struct {
	// Faults are in the order in which they are asked.
	Faults []fault.Status `json:"faults" openapi:"required"`
}

// faultAdded is a fault as the answer to its adding has it.
type faultAdded struct {
	fault.Fault
	// Problem is what is most likely not meant, such as a number that idpool has no
	// text of Azure's for.
	Problem string `json:"problem,omitempty"`
}

func faultEndpoints() []endpoint {
	const tag = "faults"
	id := map[string]string{"fault": "The id of the fault, which the response header Idpool-Fault has too."}
	return []endpoint{
		{Operation: openapi.Operation{Method: "GET", Path: "/v1/faults", ID: "listFaults", Tag: tag,
			Summary: "The faults in force, with how often each has matched and happened", Responses: answers(http.StatusOK, "The faults.", faultList{})},
			do: func(c *call) (reply, error) { return ok(faultList{append([]fault.Status{}, c.faults.List()...)}) }},
		{Operation: openapi.Operation{Method: "POST", Path: "/v1/faults", ID: "addFault", Tag: tag,
			Summary: "Let something go wrong", Description: "docs/faults.md has every setting.",
			Request: fault.Fault{}, Responses: answers(http.StatusCreated, "The fault, with its id.", faultAdded{}), Problems: bodyProblems},
			do: (*call).addFault},
		{Operation: openapi.Operation{Method: "DELETE", Path: "/v1/faults", ID: "clearFaults", Tag: tag,
			Summary: "Remove all faults", Responses: nothing("There is no fault any more.")},
			do: func(c *call) (reply, error) { c.faults.Clear(); return gone() }},
		{Operation: openapi.Operation{Method: "GET", Path: "/v1/faults/{fault}", ID: "showFault", Tag: tag, PathParams: id,
			Summary: "One fault", Responses: answers(http.StatusOK, "The fault.", fault.Status{}), Problems: []int{http.StatusNotFound}},
			do: (*call).showFault},
		{Operation: openapi.Operation{Method: "DELETE", Path: "/v1/faults/{fault}", ID: "removeFault", Tag: tag, PathParams: id,
			Summary: "Remove one fault", Responses: nothing("It is gone."), Problems: []int{http.StatusNotFound}},
			do: (*call).removeFault},
	}
}

func (c *call) addFault() (reply, error) {
	var in fault.Fault
	if err := c.read(&in); err != nil {
		return reply{}, err
	}
	if in.Tenant != "" {
		in.Tenant = c.tenant(in.Tenant)
	}
	added, err := c.AddFault(in)
	return reply{status: http.StatusCreated, body: faultAdded{added, added.Warning()}}, err
}

func (c *call) showFault() (reply, error) {
	for _, f := range c.faults.List() {
		if strings.EqualFold(f.ID, c.path("fault")) {
			return ok(f)
		}
	}
	return reply{}, c.noFault()
}

func (c *call) removeFault() (reply, error) {
	if !c.faults.Remove(c.path("fault")) {
		return reply{}, c.noFault()
	}
	return gone()
}

func (c *call) noFault() error {
	return refused(http.StatusNotFound, "there is no fault %q", c.path("fault"))
}
