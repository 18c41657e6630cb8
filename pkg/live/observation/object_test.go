package observation

import (
	"testing"
	"unsafe"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/capstan-gitops/capstan/pkg/live/ownership"
	"github.com/capstan-gitops/capstan/pkg/testkit/testowner"
)

// TestTexts gives back what it was given, however it is kept.
func TestTexts(t *testing.T) {
	observer := Observer{Owner: testowner.New(t)}
	seen := map[UID]string{}
	for _, uid := range []types.UID{
		"", "u", "0f8fad5b-d9cb-469f-a165-70867728950e", "0F8FAD5B-D9CB-469F-A165-70867728950E",
		"0f8fad5bd9cb469fa16570867728950e", "0f8fad5b-d9cb-469f-a165-70867728950g", "0f8fad5b-d9cb-469f-a165-70867728950f-",
	} {
		for _, rv := range []string{"", "0", "7", "007", "18446744073709551615", "18446744073709551616", "opaque"} {
			obj := &metav1.ObjectMeta{UID: uid, ResourceVersion: rv}
			s := observer.Observe(obj)
			if s.UIDText() != uid || s.ResourceVersion() != rv {
				t.Errorf("%q at %q became %q at %q", uid, rv, s.UIDText(), s.ResourceVersion())
			}
			if known, ok := seen[s.UID()]; ok && known != string(uid) {
				t.Errorf("%q and %q are the same", known, uid)
			}
			seen[s.UID()] = string(uid)
			if s.Same("else", rv) || s.Same(uid, "else") {
				t.Errorf("%q at %q is the same as another", uid, rv)
			}
			if rv == "7" && !s.Same(uid, rv) {
				t.Errorf("%q at %q is not the same as itself", uid, rv)
			}
		}
	}
	if (*Object)(nil).Version() != 0 || Absence(7).Version() != 0 {
		t.Error("what is not there has a version")
	}
}

// TestBlame keeps a writer beside what else is rare, and drops it.
func TestBlame(t *testing.T) {
	observer := Observer{Owner: testowner.New(t)}
	plain := observer.Observe(&metav1.ObjectMeta{UID: "0f8fad5b-d9cb-469f-a165-70867728950e", ResourceVersion: "7"})
	policy := observer.Observe(&metav1.ObjectMeta{ResourceVersion: "7", Labels: map[string]string{testowner.Prefix + "prune": "disabled"}})
	for _, s := range []*Object{plain, policy} {
		before := s.Policy()
		s.SetWriter(ownership.Writer{})
		if s.By() != nil {
			t.Error("nobody is blamed")
		}
		s.SetWriter(ownership.Writer{Manager: "them"})
		if s.By() == nil || s.By().Manager != "them" || s.Policy() != before {
			t.Errorf("got %v, %+v", s.By(), s.Policy())
		}
		s.ForgetWriter()
		if s.By() != nil || s.Policy() != before {
			t.Errorf("got %v, %+v", s.By(), s.Policy())
		}
	}
	if plain.rare != nil {
		t.Error("an object with nothing rare costs memory for it")
	}
	if size := unsafe.Sizeof(*plain); size != 48 {
		t.Errorf("a observation is %d bytes", size)
	}
}
