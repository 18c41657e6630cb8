// Command source-controller publishes Git repositories as artifacts over HTTP.
package main

import (
	"os"

	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/capstan-gitops/capstan/pkg/app"
	"github.com/capstan-gitops/capstan/source-controller/internal/config"
	"github.com/capstan-gitops/capstan/source-controller/internal/controller"
)

func main() {
	cfg, err := config.Parse(os.Args[1:])
	if err == nil {
		err = app.Run(ctrl.SetupSignalHandler(), controller.Binary(cfg))
	}
	app.Exit("source-controller", err)
}
