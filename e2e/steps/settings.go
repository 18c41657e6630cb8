package steps

import (
	"time"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	"github.com/capstan-gitops/capstan/apis/meta"
	sourcev1 "github.com/capstan-gitops/capstan/apis/source/v1"
)

// Setting changes a Kustomization.
type Setting = func(*kustomizev1.Kustomization)

// FetchedEvery sets the interval of a GitRepository.
func FetchedEvery(interval time.Duration) func(*sourcev1.GitRepository) {
	return func(g *sourcev1.GitRepository) { g.Spec.Interval = meta.NewDuration(interval) }
}

// Every sets the interval of a Kustomization.
func Every(interval time.Duration) Setting {
	return func(k *kustomizev1.Kustomization) { k.Spec.Interval = meta.NewDuration(interval) }
}

// GivesUpAfter sets how long a Kustomization waits for its objects to become healthy.
func GivesUpAfter(timeout time.Duration) Setting {
	return func(k *kustomizev1.Kustomization) { k.Spec.Timeout = meta.NewDuration(timeout) }
}

// Prefixed puts a prefix before the names of all objects.
func Prefixed(prefix string) Setting {
	return func(k *kustomizev1.Kustomization) { k.Spec.NamePrefix = prefix }
}

// WhereTheFilesSay leaves every object in the namespace that its file names.
func WhereTheFilesSay(k *kustomizev1.Kustomization) { k.Spec.TargetNamespace = "" }

// Labelled puts a label on a Kustomization.
func Labelled(key, value string) Setting {
	return func(k *kustomizev1.Kustomization) { k.Labels = map[string]string{key: value} }
}

// After has a Kustomization wait until another one is ready.
func After(name string) Setting { return AfterIf(name, "") }

// AfterIf has a Kustomization wait until an expression about another one, and itself, holds.
func AfterIf(name, expression string) Setting {
	return func(k *kustomizev1.Kustomization) {
		k.Spec.DependsOn = append(k.Spec.DependsOn, meta.DependencyReference{Name: name, ReadyExpr: expression})
	}
}

// As has a Kustomization do everything with the rights of a ServiceAccount.
func As(account string) Setting {
	return func(k *kustomizev1.Kustomization) { k.Spec.ServiceAccountName = account }
}

// ReachedBy has a Kustomization apply to the cluster whose kubeconfig is in a Secret.
func ReachedBy(secret string) Setting {
	return func(k *kustomizev1.Kustomization) {
		k.Spec.KubeConfig = &meta.KubeConfigReference{SecretRef: &meta.SecretKeyReference{Name: secret}}
	}
}

// DecryptedWith has a Kustomization decrypt files with the keys of a Secret.
func DecryptedWith(secret string) Setting {
	return func(k *kustomizev1.Kustomization) {
		k.Spec.Decryption = &kustomizev1.Decryption{Provider: "sops", SecretRef: &meta.LocalObjectReference{Name: secret}}
	}
}

// OnDrift says what a Kustomization does about changes by others.
func OnDrift(mode meta.DriftMode) Setting {
	return func(k *kustomizev1.Kustomization) { k.Spec.DriftDetection = &kustomizev1.DriftDetection{Mode: mode} }
}

// Substitute sets a variable that is substituted in what is built.
func Substitute(name, value string) Setting {
	return func(k *kustomizev1.Kustomization) {
		post := substitution(k)
		if post.Substitute == nil {
			post.Substitute = map[string]string{}
		}
		post.Substitute[name] = value
	}
}

// SubstituteFrom substitutes variables from an object: a ConfigMap or a Secret.
func SubstituteFrom(kind, name string) Setting {
	return func(k *kustomizev1.Kustomization) {
		from := kustomizev1.SubstituteReference{Kind: kind, Name: name}
		substitution(k).SubstituteFrom = append(substitution(k).SubstituteFrom, from)
	}
}

func substitution(k *kustomizev1.Kustomization) *kustomizev1.PostBuild {
	if k.Spec.PostBuild == nil {
		k.Spec.PostBuild = &kustomizev1.PostBuild{}
	}
	return k.Spec.PostBuild
}
