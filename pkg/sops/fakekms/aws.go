package fakekms

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"time"

	"k8s.io/utils/clock"
)

// AWS is KMS and STS in one region.
type AWS struct {
	sealer
	// Accepts maps access key IDs to what is allowed to decrypt.
	Accepts map[string]bool
	// Roles maps ARNs to the access key ID that assuming the role gives.
	Roles map[string]string
	// WebTokens are tokens of ServiceAccounts that STS trusts.
	WebTokens map[string]bool
}

// NewAWS puts the services of a region into the world.
func NewAWS(w *World, region string) *AWS {
	a := &AWS{sealer: newSealer(), Accepts: map[string]bool{}, Roles: map[string]string{}, WebTokens: map[string]bool{}}
	w.Handle("kms."+region+".amazonaws.com", http.HandlerFunc(a.kms))
	w.Handle("sts."+region+".amazonaws.com", http.HandlerFunc(a.sts))
	return a
}

// Wrap encrypts a data key as a document holds it.
func (a *AWS) Wrap(arn string, dataKey []byte, about map[string]string) string {
	return base64.StdEncoding.EncodeToString(a.seal(dataKey, bind(arn, about)))
}

func bind(arn string, about map[string]string) string {
	if about == nil {
		about = map[string]string{}
	}
	text, err := json.Marshal(about)
	if err != nil {
		panic(err)
	}
	return arn + string(text)
}

var signature = regexp.MustCompile(
	`^AWS4-HMAC-SHA256 Credential=([A-Z0-9]+)/\d{8}/[a-z0-9-]+/(?:kms|sts)/aws4_request, SignedHeaders=[a-z0-9;-]+, Signature=[0-9a-f]{64}$`)

// signer is who signed a request, or nobody.
func signer(req *http.Request) string {
	match := signature.FindStringSubmatch(req.Header.Get("Authorization"))
	if match == nil || req.Header.Get("X-Amz-Date") == "" {
		return ""
	}
	return match[1]
}

func (a *AWS) kms(res http.ResponseWriter, req *http.Request) {
	res.Header().Set("X-Amzn-Requestid", "1")
	refuse := func(code, message string) {
		reply(res, http.StatusBadRequest, map[string]string{"__type": code, "message": message})
	}
	if req.Header.Get("X-Amz-Target") != "TrentService.Decrypt" || req.Header.Get("Content-Type") != "application/x-amz-json-1.1" {
		refuse("UnknownOperationException", "")
		return
	}
	who := signer(req)
	if who == "" {
		refuse("MissingAuthenticationTokenException", "")
		return
	}
	if !a.Accepts[who] {
		refuse("AccessDeniedException", "not authorized: "+req.Header.Get("Authorization"))
		return
	}
	var in struct {
		KeyID             string `json:"KeyId"`
		CiphertextBlob    []byte
		EncryptionContext map[string]string
	}
	if json.NewDecoder(req.Body).Decode(&in) != nil {
		refuse("SerializationException", "")
		return
	}
	plain, err := a.open(in.CiphertextBlob, bind(in.KeyID, in.EncryptionContext))
	if err != nil {
		refuse("InvalidCiphertextException", "")
		return
	}
	reply(res, http.StatusOK, map[string]any{"KeyId": in.KeyID, "Plaintext": plain, "EncryptionAlgorithm": "SYMMETRIC_DEFAULT"})
}

func (a *AWS) sts(res http.ResponseWriter, req *http.Request) {
	_ = req.ParseForm()
	id, known := a.Roles[req.PostForm.Get("RoleArn")]
	action := req.PostForm.Get("Action")
	allowed := known && req.PostForm.Get("RoleSessionName") != ""
	switch action {
	case "AssumeRole":
		allowed = allowed && signer(req) != ""
	case "AssumeRoleWithWebIdentity":
		allowed = allowed && a.WebTokens[req.PostForm.Get("WebIdentityToken")]
	default:
		allowed = false
	}
	res.Header().Set("Content-Type", "text/xml")
	if !allowed {
		res.WriteHeader(http.StatusForbidden)
		_, _ = fmt.Fprintf(res, "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>%s</Message></Error></ErrorResponse>",
			req.PostForm.Get("WebIdentityToken"))
		return
	}
	_, _ = fmt.Fprintf(res, "<%[1]sResponse><%[1]sResult><Credentials><AccessKeyId>%[2]s</AccessKeyId>"+
		"<SecretAccessKey>sts-secret-canary</SecretAccessKey><SessionToken>sts-session-canary</SessionToken>"+
		"<Expiration>%[3]s</Expiration></Credentials></%[1]sResult></%[1]sResponse>",
		action, id, clock.RealClock{}.Now().Add(time.Hour).UTC().Format(time.RFC3339))
}
