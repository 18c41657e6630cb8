package piece

import (
	"bytes"
	"hash/fnv"
	"regexp"

	"github.com/capstan-gitops/capstan/pkg/kustomize/internal/bomb"
)

// Run is the usual bound of the number of objects in a piece. Building a piece has
// a fixed price, and one that grows with the square of its objects.
const Run = 96

// cutter cuts files into pieces of at most run objects, and of at least an eighth
// of that. Where one ends in between depends on what it ends with, so that
// something new moves the ends next to it only.
type cutter struct{ run int }

const runMask = 31

func (c cutter) least() int { return c.run / 8 }

// separator is what the library splits a file into documents by.
var separator = regexp.MustCompile(`\n---.*\n`)

// part is a file, or some of the documents of one.
type part struct {
	leaf   leaf
	data   []byte
	weight int
}

// partsOf cuts a file with many documents. A list is expanded behind the other
// documents of its file, and differently where it is alone: files with one stay
// whole.
func (c cutter) partsOf(f leaf, data []byte) []part {
	weight := bomb.Objects(data)
	if weight <= c.run || bytes.Contains(data, []byte("List")) {
		return []part{{f, data, weight}}
	}
	data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
	var out []part
	begin, count, last := 0, 0, 0
	for _, at := range separator.FindAllIndex(data, -1) {
		count++
		if count >= c.run || (count >= c.least() && ends(data[last:at[0]])) {
			// The line break before the separator belongs to the document.
			out = append(out, part{f, data[begin : at[0]+1], count})
			begin, count = at[1], 0
		}
		last = at[1]
	}
	return append(out, part{f, data[begin:], count + 1})
}

// runsOf puts parts together to pieces. A file of which there are several parts
// shares a piece with nothing.
func (c cutter) runsOf(parts []part) [][]part {
	var out [][]part
	begin, weight := 0, 0
	for i, p := range parts {
		weight += p.weight
		last := i == len(parts)-1
		alone := !last && (parts[i+1].leaf.name == p.leaf.name || parts[i+1].weight >= c.run)
		if last || alone || weight >= c.run || (i > 0 && parts[i-1].leaf.name == p.leaf.name) ||
			(weight >= c.least() && ends([]byte(p.leaf.name))) {
			out = append(out, parts[begin:i+1])
			begin, weight = i+1, 0
		}
	}
	return out
}

func ends(text []byte) bool {
	h := fnv.New32a()
	_, _ = h.Write(text)
	sum := h.Sum32()
	return (sum^sum>>16)&runMask == 0
}
