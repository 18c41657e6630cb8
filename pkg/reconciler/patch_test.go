package reconciler

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	jsonpatch "github.com/evanphx/json-patch/v5"
)

func TestMergePatch(t *testing.T) {
	for _, row := range []struct{ name, before, after, patch string }{
		{"nothing differs", `{"a":{"b":[1]}}`, `{"a":{"b":[1]}}`, `{}`},
		{"a field appears", `{}`, `{"a":1}`, `{"a":1}`},
		{"a field goes", `{"a":1,"b":2}`, `{"b":2}`, `{"a":null}`},
		{"below another", `{"a":{"b":1,"c":[1]},"d":1}`, `{"a":{"c":[1]},"d":1}`, `{"a":{"b":null}}`},
		{"a list is written whole", `{"a":[1,2]}`, `{"a":[1,3]}`, `{"a":[1,3]}`},
		{"a list for an object", `{"a":{"b":1}}`, `{"a":[{"b":1}]}`, `{"a":[{"b":1}]}`},
		{"an object for a list", `{"a":[1]}`, `{"a":{"b":1}}`, `{"a":{"b":1}}`},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := patchOf(t, []byte(row.before), []byte(row.after)); string(got) != row.patch {
				t.Errorf("got %s, want %s", got, row.patch)
			}
		})
	}
}

// Whatever differs, the patch makes the one of the other.
func TestMergePatchOfRandomObjects(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // a test
	for range 2000 {
		before, after := randomObject(t, random), randomObject(t, random)
		merged, err := jsonpatch.MergePatch(before, patchOf(t, before, after))
		if err != nil {
			t.Fatal(err)
		}
		if !jsonpatch.Equal(merged, after) {
			t.Fatalf("from %s: got %s, want %s", before, merged, after)
		}
	}
}

func patchOf(t *testing.T, before, after []byte) []byte {
	t.Helper()
	var was, is map[string]json.RawMessage
	if err := errors.Join(json.Unmarshal(before, &was), json.Unmarshal(after, &is)); err != nil {
		t.Fatal(err)
	}
	patch, err := json.Marshal(mergePatch(was, is))
	if err != nil {
		t.Fatal(err)
	}
	return patch
}

func randomObject(t *testing.T, random *rand.Rand) []byte {
	t.Helper()
	object, err := json.Marshal(randomFields(random, 3))
	if err != nil {
		t.Fatal(err)
	}
	return object
}

func randomFields(random *rand.Rand, depth int) map[string]any {
	fields := map[string]any{}
	for i := range random.IntN(4) {
		name := fmt.Sprint("field", i)
		switch kind := random.IntN(4); {
		case kind == 0 && depth > 0:
			fields[name] = randomFields(random, depth-1)
		case kind == 1:
			fields[name] = []any{random.IntN(2), randomFields(random, 0)}
		case kind == 2:
			fields[name] = random.IntN(2)
		}
	}
	return fields
}
