// Command notification-controller accepts events over HTTP and notifies people and
// services of them.
package main

import (
	"os"

	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/capstan-gitops/capstan/notification-controller/internal/config"
	"github.com/capstan-gitops/capstan/notification-controller/internal/controller"
	"github.com/capstan-gitops/capstan/pkg/app"
)

func main() {
	cfg, err := config.Parse(os.Args[1:])
	if err == nil {
		err = app.Run(ctrl.SetupSignalHandler(), controller.Binary(cfg))
	}
	app.Exit("notification-controller", err)
}
