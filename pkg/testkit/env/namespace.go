package env

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// maxPrefix leaves room for what the server appends, below the 63 characters that a namespace may have.
const maxPrefix = 50

// Namespace makes a namespace for one test and returns its name, which begins with the test's.
func Namespace(t *testing.T, c client.Client) string {
	t.Helper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: prefix(t.Name())}}
	if err := c.Create(t.Context(), namespace); err != nil {
		t.Fatalf("creating a namespace for the test: %v", err)
	}
	return namespace.Name
}

// prefix turns the name of a test into the beginning of the name of a namespace.
func prefix(test string) string {
	cleaned := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(test))
	return strings.TrimLeft(cleaned[:min(len(cleaned), maxPrefix)], "-") + "-"
}
