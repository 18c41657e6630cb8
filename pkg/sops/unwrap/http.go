package unwrap

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
)

// maxAnswer bounds an answer; one with a data key has a few hundred bytes.
const maxAnswer = 64 << 10

// post sends JSON and reads JSON. Of an answer that is not 200 only the status and
// the code are kept.
func (u *Unwrapper) post(ctx context.Context, target string, header http.Header, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader(body))
	if err != nil {
		return Reason("its address is malformed")
	}
	for name, values := range header {
		req.Header[name] = values
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "capstan")
	res, err := u.Client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	data, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return &statusError{status: res.StatusCode, code: codeOf(data)}
	}
	if json.Unmarshal(data, out) != nil {
		return Reason("the service answers something other than expected")
	}
	return nil
}

// codeOf finds the error code where Google puts it. Vault has none.
func codeOf(data []byte) string {
	var body struct {
		Error struct {
			Status string `json:"status"`
		} `json:"error"`
	}
	_ = json.Unmarshal(data, &body)
	return body.Error.Status
}
