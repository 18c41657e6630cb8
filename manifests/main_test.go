package manifests_test

import (
	"os"
	"testing"

	"github.com/capstan-gitops/capstan/pkg/testkit/env"
)

var testEnv *env.Env

func TestMain(m *testing.M) { os.Exit(env.Main(m, &testEnv)) }
