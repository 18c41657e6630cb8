module github.com/capstan-gitops/capstan/kustomize-controller

go 1.26.0

require (
	github.com/capstan-gitops/capstan/apis v0.1.0
	github.com/capstan-gitops/capstan/pkg v0.1.0
	github.com/spf13/pflag v1.0.10
	k8s.io/api v0.36.4
	k8s.io/apimachinery v0.36.4
	k8s.io/client-go v0.36.4
	k8s.io/utils v0.0.0-20260507154919-ff6756f316d2
	sigs.k8s.io/controller-runtime v0.24.1
)

require (
	github.com/google/go-cmp v0.7.0 // indirect
	github.com/onsi/gomega v1.43.0 // indirect
	go.yaml.in/yaml/v3 v3.0.4 // indirect
	golang.org/x/net v0.58.0 // indirect
	golang.org/x/text v0.41.0 // indirect
)

replace (
	github.com/capstan-gitops/capstan/apis => ../apis
	github.com/capstan-gitops/capstan/devcluster => ../devcluster
	github.com/capstan-gitops/capstan/pkg => ../pkg
)
