package idp

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Error is an error answer of the token or discovery endpoint (RFC 6749 5.2)
// with Azure's number and text. It says nothing of the request's secret.
type Error struct {
	// Code is the OAuth error, such as invalid_client.
	Code string
	// Number is Azure's, without AADSTS; 0 for an error of idpool itself.
	Number int
	// Message is Azure's text without number and trailer.
	Message string
	// Status is the HTTP status.
	Status int
}

// Error is the number and the text, without the trailer.
func (e *Error) Error() string {
	if e.Number == 0 {
		return "idpool: " + e.Message
	}
	return fmt.Sprintf("AADSTS%d: %s", e.Number, e.Message)
}

// aadsts is one row of the table of Azure's errors.
type aadsts struct {
	code   string
	status int    // 0 means 401 for invalid_client and 400 for the rest
	text   string // {name} is replaced
}

// The table follows azure-ad.md 5.3 to 5.7. Texts are Azure's newest known.
var errorTable = map[int]aadsts{
	7000215: {code: "invalid_client", text: "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '{appId}'."},
	7000222: {code: "invalid_client", text: "The provided client secret keys for app '{appId}' are expired. Visit the Azure portal to create new keys for your app: https://aka.ms/NewClientSecret, or consider using certificate credentials for added security: https://aka.ms/certCreds."},
	7000216: {code: "invalid_client", text: "'client_assertion', 'client_secret' or 'request' is required for the 'client_credentials' grant type."},
	700016:  {code: "unauthorized_client", text: "Application with identifier '{appId}' was not found in the directory '{tenant}'. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant."},
	90002:   {code: "invalid_request", text: "Tenant '{segment}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant."},
	900023:  {code: "invalid_request", text: "Specified tenant identifier '{segment}' is neither a valid DNS name, nor a valid external domain."},
	50059:   {code: "invalid_request", text: "No tenant-identifying information found in either the request or implied by any provided credentials."},
	900144:  {code: "invalid_request", text: "The request body must contain the following parameter: '{name}'."},
	90014:   {code: "invalid_request", text: "The required field 'scope' is missing from the credential. Ensure that you have all the necessary parameters for the login request."},
	1002012: {code: "invalid_scope", text: "The provided value for scope {scope} is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI)."},
	70011:   {code: "invalid_scope", text: "The provided request must include a 'scope' input parameter. The provided value for the input parameter 'scope' is not valid. The scope {scope} is not valid. The scope format is invalid. Scope must be in a valid URI form <https://example/scope> or a valid Guid <guid/scope>."},
	28000:   {code: "invalid_request", text: "Provided value for the input parameter scope is not valid because it contains more than one resource. Scope {scope}"},
	500011:  {code: "invalid_resource", text: "The resource principal named {resource} was not found in the tenant named {tenant}. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You might have sent your authentication request to the wrong tenant."},
	70003:   {code: "unsupported_grant_type", text: "The app requested an unsupported grant type '{grant}'."},
	900561:  {code: "invalid_request", text: "The endpoint only accepts POST, OPTIONS requests. Received a {method} request."},
	9000411: {code: "invalid_request", text: "The request is not properly formatted. The parameter '{name}' is duplicated."},
	9002313: {code: "invalid_request", text: "Invalid request. Request is malformed or invalid."},
	50027:   {code: "invalid_request", text: "JWT token is invalid or malformed."},
	700027:  {code: "invalid_client", text: "Client assertion contains an invalid signature. [Reason - The key was not found., Thumbprint of key used by client: '{thumbprint}', Please visit the Azure Portal, Graph Explorer or directly use MS Graph to see configured keys for app Id '{appId}'. Review the documentation at https://docs.microsoft.com/en-us/graph/deployments to determine the corresponding service endpoint and https://docs.microsoft.com/en-us/graph/api/application-get?view=graph-rest-1.0&tabs=http to build a query request URL, such as 'https://graph.microsoft.com/beta/applications/{appId}']. Alternatively, SNI may be configured on the app. Please ensure that client assertion is being sent with the x5c claim in the JWT header using MSAL's WithSendX5C() method so that Azure Active Directory can validate the certificate being used."},
}

// newError makes an Error from the table. words are pairs: the name of a
// placeholder and what it is replaced by.
func newError(number int, words ...string) *Error {
	row := errorTable[number]
	pairs := make([]string, len(words))
	for i, w := range words {
		if i%2 == 0 {
			w = "{" + w + "}"
		}
		pairs[i] = w
	}
	e := &Error{Code: row.code, Number: number, Status: row.status}
	e.Message = strings.NewReplacer(pairs...).Replace(row.text)
	if e.Status == 0 {
		e.Status = http.StatusBadRequest
		if e.Code == "invalid_client" {
			e.Status = http.StatusUnauthorized
		}
	}
	return e
}

// ErrorBody is the JSON of an error answer, in Azure's order (azure-ad.md 5.1).
type ErrorBody struct {
	Error            string `json:"error"`
	ErrorDescription string `json:"error_description"`
	ErrorCodes       []int  `json:"error_codes"`
	Timestamp        string `json:"timestamp"` // 2006-01-02 15:04:05Z
	TraceID          string `json:"trace_id"`
	CorrelationID    string `json:"correlation_id"`
	ErrorURI         string `json:"error_uri,omitempty"`
}

// Body is the error as the endpoint at publicURL answers it at a time.
func (e *Error) Body(publicURL string, at time.Time, traceID, correlationID string) ErrorBody {
	stamp := at.UTC().Format("2006-01-02 15:04:05Z")
	body := ErrorBody{
		Error:            e.Code,
		ErrorDescription: fmt.Sprintf("%s Trace ID: %s Correlation ID: %s Timestamp: %s", e.Error(), traceID, correlationID, stamp),
		ErrorCodes:       []int{},
		Timestamp:        stamp,
		TraceID:          traceID,
		CorrelationID:    correlationID,
	}
	if e.Number != 0 {
		body.ErrorCodes = append(body.ErrorCodes, e.Number)
		body.ErrorURI = fmt.Sprintf("%s/error?code=%d", publicURL, e.Number)
	}
	return body
}
