package fault

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// brokenToken puts a broken token in the place of the issued one and leaves the
// rest of the answer as it is.
func (x *injection) brokenToken(body []byte) ([]byte, error) {
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal(body, &answer); err != nil || answer.AccessToken == "" {
		return nil, errors.New("token: the real answer has no access_token to break")
	}
	broken, err := x.set.config.Break(x.r.Context(), x.armed.fault.Token, answer.AccessToken)
	if err != nil {
		return nil, fmt.Errorf("token: %v", err)
	}
	return bytes.Replace(body, quoted(answer.AccessToken), quoted(broken), 1), nil
}
