package keys

import (
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"

	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
	"sigs.k8s.io/yaml"

	"github.com/capstan-gitops/capstan/pkg/credentials"
)

// errSyntax replaces what a parser says, because parsers quote.
var errSyntax = errors.New("it is neither YAML nor JSON of the expected shape")

// AWS are static credentials for AWS.
type AWS struct {
	AccessKeyID string
	Secret      credentials.Secret
	Session     credentials.Secret
}

// Azure says how to log in to Azure: with Secret, with Certificates and Key, or, if
// there are neither, with the managed identity ClientID.
type Azure struct {
	TenantID, ClientID string
	Secret             credentials.Secret
	Certificates       []*x509.Certificate
	Key                crypto.PrivateKey
	// SendChain puts the certificates into the login, for trust by subject name.
	SendChain bool
	// Authority is the host that issues tokens; empty is that of the public cloud.
	Authority string
}

// GCP is the key of a Google service account, in the JSON form Google hands out.
type GCP struct {
	JSON credentials.Secret
}

func readAWS(m *Material, value []byte) error {
	var in struct {
		ID      string `json:"aws_access_key_id"`
		Secret  string `json:"aws_secret_access_key"`
		Session string `json:"aws_session_token"`
	}
	if yaml.Unmarshal(value, &in) != nil {
		return errSyntax
	}
	if in.ID == "" || in.Secret == "" {
		return errors.New("aws_access_key_id and aws_secret_access_key are needed together")
	}
	m.AWS = &AWS{
		AccessKeyID: in.ID, Secret: credentials.NewSecret(in.Secret), Session: credentials.NewSecret(in.Session),
	}
	return nil
}

// azureFile has the fields of our own form and of what "az ad sp create-for-rbac"
// prints.
type azureFile struct {
	TenantID      string `json:"tenantId"`
	ClientID      string `json:"clientId"`
	ClientSecret  string `json:"clientSecret"`
	Certificate   string `json:"clientCertificate"`
	Password      string `json:"clientCertificatePassword"`
	SendChain     bool   `json:"clientCertificateSendChain"`
	AuthorityHost string `json:"authorityHost"`
	AzTenant      string `json:"tenant"`
	AzApp         string `json:"appId"`
	AzPassword    string `json:"password"`
}

func readAzure(m *Material, value []byte) error {
	text, err := utf8(value)
	if err != nil {
		return errors.New("it is neither UTF-8 nor UTF-16")
	}
	var in azureFile
	if yaml.Unmarshal(text, &in) != nil {
		return errSyntax
	}
	out, err := in.login()
	if err != nil {
		return err
	}
	if out.Authority, err = authority(in.AuthorityHost); err != nil {
		return err
	}
	m.Azure = out
	return nil
}

// login chooses among the ways to log in that the fields make possible.
func (in *azureFile) login() (*Azure, error) {
	named := in.TenantID != "" && in.ClientID != ""
	switch {
	case named && in.ClientSecret != "":
		return &Azure{TenantID: in.TenantID, ClientID: in.ClientID, Secret: credentials.NewSecret(in.ClientSecret)}, nil
	case named && in.Certificate != "":
		certs, key, err := certificate(in.Certificate, in.Password)
		if err != nil {
			return nil, err
		}
		return &Azure{TenantID: in.TenantID, ClientID: in.ClientID, Certificates: certs, Key: key, SendChain: in.SendChain}, nil
	case in.AzTenant != "" && in.AzApp != "" && in.AzPassword != "":
		return &Azure{TenantID: in.AzTenant, ClientID: in.AzApp, Secret: credentials.NewSecret(in.AzPassword)}, nil
	case in.ClientID != "" && in.ClientSecret == "" && in.Certificate == "":
		return &Azure{ClientID: in.ClientID}, nil
	}
	return nil, errors.New("it needs tenantId, clientId and clientSecret or clientCertificate; " +
		"or tenant, appId and password; or clientId alone for a managed identity")
}

// utf8 decodes text by its byte order mark, or by where its zero bytes are.
func utf8(value []byte) ([]byte, error) {
	fallback := unicode.UTF8.NewDecoder()
	if len(value) >= 2 {
		switch {
		case value[0] == 0:
			fallback = unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM).NewDecoder()
		case value[1] == 0:
			fallback = unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM).NewDecoder()
		}
	}
	out, _, err := transform.Bytes(unicode.BOMOverride(fallback), value)
	return out, err
}

// certificate reads PEM as it is, and PKCS #12 in base64.
func certificate(text, password string) ([]*x509.Certificate, crypto.PrivateKey, error) {
	certs, key, err := azidentity.ParseCertificates([]byte(text), []byte(password))
	if err == nil {
		return certs, key, nil
	}
	if raw, e := base64.StdEncoding.DecodeString(text); e == nil {
		if certs, key, err = azidentity.ParseCertificates(raw, []byte(password)); err == nil {
			return certs, key, nil
		}
	}
	return nil, nil, errors.New("clientCertificate is no PEM or PKCS #12 certificate with its private key, " +
		"or clientCertificatePassword does not open it")
}

func authority(host string) (string, error) {
	if host == "" {
		return "", nil
	}
	u, err := url.Parse(host)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" {
		return "", errors.New("authorityHost is not an https URL")
	}
	return host, nil
}

// readGCP accepts the key of a service account only. Other kinds of Google
// credential files name programs to run, files to read and addresses to ask.
func readGCP(m *Material, value []byte) error {
	var in struct {
		Type  string `json:"type"`
		Email string `json:"client_email"`
		Key   string `json:"private_key"`
		URI   string `json:"token_uri"`
	}
	if json.Unmarshal(value, &in) != nil {
		return errors.New("it is not the JSON key of a service account")
	}
	if in.Type != "service_account" {
		return fmt.Errorf("its type is not service_account")
	}
	if u, err := url.Parse(in.URI); in.URI != "" && (err != nil || u.Scheme != "https" || u.User != nil) {
		return errors.New("token_uri is not an https URL")
	}
	if in.Email == "" || in.Key == "" {
		return errors.New("client_email and private_key are needed")
	}
	m.GCP = &GCP{JSON: credentials.NewSecret(string(value))}
	return nil
}
