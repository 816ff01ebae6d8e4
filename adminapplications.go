package idpool

import (
	"crypto/rand"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/idpool/idpool/idp"
	"github.com/idpool/idpool/internal/openapi"
)

// applicationList are the app registrations of a tenant.
type applicationList struct {
	// Applications are in the order of the config.
	Applications []idp.Application `json:"applications" openapi:"required"`
}

// assignmentList are the roles that an application was granted.
type assignmentList struct {
	// AppRoleAssignments are the application's own. Those of its service principal
	// are in addition, and shown with the application.
	AppRoleAssignments []idp.AppRoleAssignment `json:"appRoleAssignments" openapi:"required"`
}

// addPasswordRequest is the body of addPassword, as in Microsoft Graph.
type addPasswordRequest struct {
	// PasswordCredential says what the secret is to be called and when it counts.
	PasswordCredential newPassword `json:"passwordCredential,omitzero"`
}

// newPassword is a client secret that is to be made.
type newPassword struct {
	// DisplayName is for people.
	DisplayName string `json:"displayName,omitempty"`
	// StartDateTime is when the secret begins to count. Absent means now.
	StartDateTime time.Time `json:"startDateTime,omitzero"`
	// EndDateTime is when it ends. Absent means two years after its start.
	EndDateTime time.Time `json:"endDateTime,omitzero"`
}

// removePasswordRequest is the body of removePassword, as in Microsoft Graph.
type removePasswordRequest struct {
	// KeyID is the id of the secret, which addPassword has answered.
	KeyID string `json:"keyId" openapi:"required"`
}

func applicationEndpoints() []endpoint {
	const tag = "applications"
	one := applications().path + "/{application}"
	changes := append([]int{http.StatusNotFound, http.StatusInternalServerError}, bodyProblems...)
	return slices.Concat(applications().endpoints(), assignments().endpoints(), []endpoint{
		{Operation: openapi.Operation{Method: "POST", Path: one + "/addPassword", ID: "addPassword", Tag: tag, PathParams: applications().params,
			Summary: "Make a client secret", Description: "As in Microsoft Graph: the answer alone has the secret's text and keyId. For a secret of your own, PUT or PATCH the application.",
			Request: addPasswordRequest{}, Responses: answers(http.StatusOK, "The secret.", idp.PasswordCredential{}), Problems: changes},
			do: (*call).addPassword},
		{Operation: openapi.Operation{Method: "POST", Path: one + "/removePassword", ID: "removePassword", Tag: tag, PathParams: applications().params,
			Summary: "Remove a client secret by its keyId, as in Microsoft Graph",
			Request: removePasswordRequest{}, Responses: nothing("It lets nobody in any more."), Problems: changes},
			do: (*call).removePassword},
	})
}

func applications() elements[idp.Application] {
	return elements[idp.Application]{
		tag: "applications", path: "/v1/tenants/{tenant}/applications", param: "application",
		params: map[string]string{"tenant": tenantParam, "application": "The appId."},
		noun:   "application", nouns: "app registrations of a tenant", name: "Application", plural: "Applications",
		within: func(call *call, c *Config) (*[]idp.Application, string, error) {
			t, at, err := tenants().found(call, c)
			if err != nil {
				return nil, "", err
			}
			return &t.Applications, at + ".applications", nil
		},
		id: func(a *idp.Application) *string { return &a.AppID }, idName: "appId",
		is:   func(a *idp.Application, word string) bool { return strings.EqualFold(a.AppID, word) },
		list: func(all []idp.Application) any { return applicationList{all} },
	}
}

// assignments are the roles that an application was granted, one element for
// each API.
func assignments() elements[idp.AppRoleAssignment] {
	return elements[idp.AppRoleAssignment]{
		tag: "applications", path: applications().path + "/{application}/appRoleAssignments", param: "resource",
		params: map[string]string{"tenant": tenantParam, "application": "The appId of the client.", "resource": "The appId of the API that defines the roles."},
		noun:   "app role assignment", nouns: "roles that an application was granted, by API", name: "AppRoleAssignment", plural: "AppRoleAssignments",
		within: func(call *call, c *Config) (*[]idp.AppRoleAssignment, string, error) {
			a, at, err := applications().found(call, c)
			if err != nil {
				return nil, "", err
			}
			return &a.AppRoleAssignments, at + ".appRoleAssignments", nil
		},
		id: func(a *idp.AppRoleAssignment) *string { return &a.Resource }, idName: "resource",
		is:   func(a *idp.AppRoleAssignment, word string) bool { return strings.EqualFold(a.Resource, word) },
		list: func(all []idp.AppRoleAssignment) any { return assignmentList{all} },
	}
}

// secretYears is how long a secret lives whose end nobody says, as in Graph.
const secretYears = 2

func (c *call) addPassword() (reply, error) {
	var in addPasswordRequest
	if err := c.read(&in); err != nil {
		return reply{}, err
	}
	made := in.PasswordCredential.made(c.clock.Now().UTC().Truncate(time.Second))
	if made.EndDateTime.Year() > 9999 { // which JSON cannot write
		return reply{}, &refusal{http.StatusUnprocessableEntity, problem{Detail: "the secret would end after the year 9999: set endDateTime", Field: "passwordCredential.startDateTime"}}
	}
	err := c.changeApplication(func(a *idp.Application) error {
		a.PasswordCredentials = append(a.PasswordCredentials, made)
		return nil
	})
	return reply{status: http.StatusOK, body: made}, err
}

// made is the secret itself.
func (p newPassword) made(now time.Time) idp.PasswordCredential {
	if p.StartDateTime.IsZero() {
		p.StartDateTime = now
	}
	if p.EndDateTime.IsZero() {
		p.EndDateTime = p.StartDateTime.AddDate(secretYears, 0, 0)
	}
	text := azureSecret()
	return idp.PasswordCredential{KeyID: uuid.NewString(), DisplayName: p.DisplayName, Hint: text[:3], SecretText: text,
		StartDateTime: p.StartDateTime, EndDateTime: p.EndDateTime}
}

// azureSecret looks as those of Azure do, which secret scanners know: 40
// characters, 8Q~ behind the first three.
func azureSecret() string { return rand.Text()[:3] + "8Q~" + (rand.Text() + rand.Text())[:34] }

func (c *call) removePassword() (reply, error) {
	var in removePasswordRequest
	if err := c.read(&in); err != nil {
		return reply{}, err
	}
	if err := required("keyId", in.KeyID); err != nil {
		return reply{}, err
	}
	err := c.changeApplication(func(a *idp.Application) error {
		before := len(a.PasswordCredentials)
		a.PasswordCredentials = slices.DeleteFunc(a.PasswordCredentials, func(p idp.PasswordCredential) bool { return strings.EqualFold(p.KeyID, in.KeyID) })
		if len(a.PasswordCredentials) == before {
			return &refusal{http.StatusNotFound, problem{Detail: "the application has no secret with the keyId " + loggable(in.KeyID), Field: "keyId"}}
		}
		return nil
	})
	if err != nil {
		return reply{}, err
	}
	return gone()
}

// changeApplication changes the application of the path.
func (c *call) changeApplication(change func(*idp.Application) error) error {
	at := ""
	err := c.Change(c.r.Context(), func(config *Config) error {
		a, place, err := applications().found(c, config)
		if err != nil {
			return err
		}
		at = place
		return change(a)
	})
	return beneath(at, err)
}
