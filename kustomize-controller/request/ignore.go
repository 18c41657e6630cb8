package request

import (
	"fmt"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/apply/ignore"
	"github.com/capstan-gitops/capstan/pkg/fault"
)

// IgnoreRules compiles spec.ignore. The labels of the owner are never ignored.
func IgnoreRules(rules []meta.IgnoreRule) (ignore.Rules, error) {
	compiled, err := ignore.Compile(rules, kustomizev1.LabelName, kustomizev1.LabelNamespace)
	if err != nil {
		return compiled, fault.Retry(meta.ReasonReconciliationFailed, fmt.Errorf("reading spec.%w", err))
	}
	return compiled, nil
}
