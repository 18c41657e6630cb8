package inventory_test

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/capstan-gitops/capstan/pkg/inventory"
)

func TestRecordRoundTrip(t *testing.T) {
	cases := map[string]struct {
		why    string
		record inventory.Record
		zero   bool
	}{
		"Zero": {why: "nothing is recorded", zero: true},
		"DesiredOnly": {
			why:    "an object that could not be watched has no fingerprint",
			record: inventory.Record{Desired: inventory.Key("k").Desired([]byte("a"))},
		},
		"Full": {
			why: "every bit is kept",
			record: inventory.Record{
				Desired: inventory.DesiredDigest{0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
				Live:    inventory.Fingerprint{Strong: math.MaxUint32, Weak: math.MaxUint16},
			},
		},
		"EachFieldInItsPlace": {
			why: "a swap of strong and weak would call every object dirty",
			record: inventory.Record{
				Desired: inventory.DesiredDigest{1, 2, 3, 4, 5, 6}, Live: inventory.Fingerprint{Strong: 0x0708090a, Weak: 0x0b0c},
			},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if tc.record.IsZero() != tc.zero {
				t.Errorf("%s: IsZero is %v", tc.why, !tc.zero)
			}
			wire := tc.record.String()
			if len(wire) != 16 {
				t.Errorf("the wire form %q has not 16 characters", wire)
			}
			got, err := inventory.ParseRecord(wire)
			if err != nil {
				t.Fatalf("%s: %v", tc.why, err)
			}
			if diff := cmp.Diff(tc.record, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.why, diff)
			}
		})
	}
}

func TestParseRecordRefuses(t *testing.T) {
	cases := map[string]struct{ why, text string }{
		"Empty":    {"a missing record", ""},
		"Short":    {"cut by somebody", strings.Repeat("A", 15)},
		"Long":     {"longer than a record", strings.Repeat("A", 17)},
		"Padding":  {"padded base64 is another encoding", strings.Repeat("A", 14) + "=="},
		"Standard": {"standard base64 is another encoding", strings.Repeat("+/", 8)},
		"Newlines": {"the decoder skips line breaks, so sixteen characters may hold less than a record", "AAAA\r\nAA\r\nAAAA\r\n"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if r, err := inventory.ParseRecord(tc.text); err == nil {
				t.Errorf("%s: read %+v", tc.why, r)
			}
		})
	}
}

func TestMark(t *testing.T) {
	key := inventory.Key("installation")
	base := key.Desired([]byte("ab"), []byte("c"))
	if base != key.Desired([]byte("ab"), []byte("c")) {
		t.Fatal("the same parts give two digests")
	}
	others := map[string]inventory.DesiredDigest{
		"AnotherKey":     inventory.Key("other").Desired([]byte("ab"), []byte("c")),
		"BoundaryMoved":  key.Desired([]byte("a"), []byte("bc")),
		"PartsJoined":    key.Desired([]byte("abc")),
		"EmptyPartAdded": key.Desired([]byte("ab"), []byte("c"), nil),
		"ContentChanged": key.Desired([]byte("ab"), []byte("d")),
		"OrderChanged":   key.Desired([]byte("c"), []byte("ab")),
	}
	for name, digest := range others {
		if digest == base {
			t.Errorf("%s: the digest is the same", name)
		}
	}
}

// FuzzParseRecord reads whatever a status may hold.
func FuzzParseRecord(f *testing.F) {
	for _, text := range []string{"", "AAAAAAAAAAAAAAAA", "AQIDBAUGBwgJCgsM", "AAAA\r\nAA\r\nAAAA\r\n", "________________"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		record, err := inventory.ParseRecord(text)
		if err == nil && record.String() != text {
			t.Fatalf("%q was read as %q", text, record.String())
		}
	})
}
