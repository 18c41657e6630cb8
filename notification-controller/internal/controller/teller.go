package controller

import (
	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/capstan-gitops/capstan/apis/meta"
	notificationv1beta3 "github.com/capstan-gitops/capstan/apis/notification/v1beta3"
	"github.com/capstan-gitops/capstan/notification-controller/internal/route"
	"github.com/capstan-gitops/capstan/pkg/events"
)

// teller tells owners of Alerts what went wrong: a Warning on the Alert and a
// line in the log.
type teller struct {
	recorder events.Sink
	log      logr.Logger
}

func (t *teller) warn(target route.Target, reason meta.Reason, message string) {
	t.log.Info("telling the owner of an Alert", "alert", target.String(), "reason", reason, "message", message)
	t.recorder.Emit(alertObject(target), events.Event{
		GVK: notificationv1beta3.GroupVersion.WithKind("Alert"), Severity: events.Error, Reason: reason, Message: message,
	})
}

// alertObject is what an event needs to know of an Alert.
func alertObject(target route.Target) *notificationv1beta3.Alert {
	return &notificationv1beta3.Alert{ObjectMeta: metav1.ObjectMeta{
		Namespace: target.Namespace, Name: target.Name, UID: target.UID,
	}}
}
