package controller

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	notificationv1 "github.com/capstan-gitops/capstan/apis/notification/v1"
)

// TestFilters: expressions are compiled once a generation, and an Alert that is
// gone leaves nothing behind.
func TestFilters(t *testing.T) {
	var f filters
	alert := &notificationv1.Alert{ObjectMeta: metav1.ObjectMeta{UID: "alert-uid", Generation: 1}}
	first := f.of(alert)
	if first == nil || f.of(alert) != first {
		t.Error("the expressions were compiled again")
	}
	f.keep([]notificationv1.Alert{*alert})
	if f.of(alert) != first {
		t.Error("an Alert that is there was forgotten")
	}
	alert.Generation = 2
	if f.of(alert) == first {
		t.Error("the new generation was not read")
	}
	if f.keep(nil); len(f.byUID) != 0 {
		t.Error("an Alert that is gone is remembered")
	}
}
