package controller

import (
	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/capstan-gitops/capstan/apis/meta"
	notificationv1 "github.com/capstan-gitops/capstan/apis/notification/v1"
	"github.com/capstan-gitops/capstan/notification-controller/internal/route"
	"github.com/capstan-gitops/capstan/pkg/events"
)

// reporter reports to the owners of Alerts what went wrong: a Warning on the
// Alert and a line in the log.
type reporter struct {
	recorder events.Sink
	log      logr.Logger
}

func (r *reporter) warn(alert route.Ref, reason meta.Reason, message string) {
	r.log.Info("warning the owner of an Alert", "alert", alert.String(), "reason", reason, "message", message)
	r.recorder.Emit(alertObject(alert), events.Event{
		GVK: notificationv1.GroupVersion.WithKind("Alert"), Severity: events.Error, Reason: reason, Message: message,
	})
}

// alertObject is what an event needs to know of an Alert.
func alertObject(alert route.Ref) *notificationv1.Alert {
	return &notificationv1.Alert{ObjectMeta: metav1.ObjectMeta{
		Namespace: alert.Namespace, Name: alert.Name, UID: alert.UID,
	}}
}
