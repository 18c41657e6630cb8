// Command kustomize-controller applies what sources contain and keeps it true.
package main

import (
	"os"

	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/capstan-gitops/capstan/kustomize-controller/internal/config"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/controller"
	"github.com/capstan-gitops/capstan/pkg/app"
)

func main() {
	cfg, err := config.Parse(os.Args[1:])
	if err == nil {
		err = app.Run(ctrl.SetupSignalHandler(), controller.Binary(cfg))
	}
	app.Exit("kustomize-controller", err)
}
