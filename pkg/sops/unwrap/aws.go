package unwrap

import (
	"context"
	"encoding/base64"
	"regexp"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	sopskms "github.com/getsops/sops/v3/kms"
)

// sessionName is what the log of AWS shows when a document names a role.
const sessionName = "capstan-sops"

var (
	// keyARN keeps the region to letters, digits and dashes: it becomes part of a
	// host name.
	keyARN  = regexp.MustCompile(`^arn:aws[a-z-]*:kms:([a-z0-9-]{1,40}):[0-9]+:(?:key|alias)/[A-Za-z0-9/_.:-]+$`)
	roleARN = regexp.MustCompile(`^arn:aws[a-z-]*:iam::[0-9]+:role/[A-Za-z0-9/_+=,.@-]+$`)
)

// aws asks AWS KMS. The profile that a document may name is not looked up: profiles
// are files of a machine.
func (u *Unwrapper) aws(ctx context.Context, key *sopskms.MasterKey) ([]byte, error) {
	match := keyARN.FindStringSubmatch(key.Arn)
	if match == nil || len(key.Arn) > maxName {
		return nil, Reason("it is not the ARN of a KMS key")
	}
	region := match[1]
	blob, err := base64.StdEncoding.DecodeString(key.EncryptedKey)
	if err != nil {
		return nil, Reason("its encrypted data key is not base64")
	}
	provider, err := u.awsCredentials(ctx, region, key.Role)
	if err != nil {
		return nil, err
	}
	client := kms.New(kms.Options{Region: region, Credentials: provider, HTTPClient: u.Client, Retryer: aws.NopRetryer{}})
	input := &kms.DecryptInput{KeyId: &key.Arn, CiphertextBlob: blob, EncryptionContext: values(key.EncryptionContext)}
	out, err := call(ctx, u, func(ctx context.Context) (*kms.DecryptOutput, error) { return client.Decrypt(ctx, input) })
	if err != nil {
		return nil, err
	}
	return out.Plaintext, nil
}

// awsCredentials are the static ones, or those of the identity, and with either of
// them those of the role a document asks for.
func (u *Unwrapper) awsCredentials(ctx context.Context, region, role string) (aws.CredentialsProvider, error) {
	own, err := login(u, "aws/"+region, func() (aws.CredentialsProvider, error) {
		if static := u.Keys.Reveal().AWS; static != nil {
			return credentials.NewStaticCredentialsProvider(static.AccessKeyID, static.Secret.Reveal(), static.Session.Reveal()), nil
		}
		if u.Identity == nil {
			return nil, Reason("key sops.aws-kms of the Secret is missing, and there is no workload identity")
		}
		c, err := call(ctx, u, func(ctx context.Context) (aws.Credentials, error) { return u.Identity.AWS(ctx, region) })
		if err != nil {
			return nil, identityFailed("AWS", err)
		}
		return credentials.NewStaticCredentialsProvider(c.AccessKeyID, c.SecretAccessKey, c.SessionToken), nil
	})
	if err != nil || role == "" {
		return own, err
	}
	if !roleARN.MatchString(role) || len(role) > maxName {
		return nil, Reason("its role is not the ARN of a role")
	}
	return login(u, "aws/"+region+"/"+role, func() (aws.CredentialsProvider, error) {
		client := sts.New(sts.Options{Region: region, Credentials: own, HTTPClient: u.Client, Retryer: aws.NopRetryer{}})
		input := &sts.AssumeRoleInput{RoleArn: &role, RoleSessionName: aws.String(sessionName)}
		out, err := call(ctx, u, func(ctx context.Context) (*sts.AssumeRoleOutput, error) { return client.AssumeRole(ctx, input) })
		if err != nil {
			return nil, Reason("assuming its role: " + explain(err).Error())
		}
		if out.Credentials == nil {
			return nil, Reason("assuming its role: the answer holds no credentials")
		}
		c := out.Credentials
		return credentials.NewStaticCredentialsProvider(aws.ToString(c.AccessKeyId), aws.ToString(c.SecretAccessKey), aws.ToString(c.SessionToken)), nil
	})
}

// identityFailed says that the workload identity is what failed.
func identityFailed(cloud string, err error) error {
	return Reason("getting " + cloud + " credentials by workload identity: " + explain(err).Error())
}

func values(in map[string]*string) map[string]string {
	out := make(map[string]string, len(in))
	for k, v := range in {
		if v != nil {
			out[k] = *v
		}
	}
	return out
}
