package outbox

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

const (
	magic         = "capstan-outbox-1"
	recordSuffix  = ".rec"
	deadSuffix    = ".dead"
	partialSuffix = ".tmp"
	seqDigits     = 20
)

// errDamaged says that a file is not what was written.
var errDamaged = errors.New("the file is damaged")

// Item is something to deliver.
type Item struct {
	// ID is the idempotency key: equal for every attempt, and equal when the same
	// thing is put twice. An item whose ID still waits is not put again.
	ID string `json:"id"`
	// Queue keeps its order and waits for no other queue.
	Queue string `json:"queue"`
	// Body is what Send gets.
	Body json.RawMessage `json:"body"`
}

// Record is an item on disk.
type Record struct {
	Item
	// Stored is when it was put.
	Stored time.Time `json:"stored"`
	// Reason says why it is a dead letter.
	Reason string `json:"reason,omitempty"`
}

// encode frames the record: a line with checksum and length, then JSON.
func (r Record) encode() ([]byte, error) {
	body, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("encoding a delivery: %w", err)
	}
	sum := sha256.Sum256(body)
	head := fmt.Sprintf("%s %s %d\n", magic, hex.EncodeToString(sum[:]), len(body))
	return append([]byte(head), body...), nil
}

func decode(data []byte) (Record, error) {
	head, body, found := bytes.Cut(data, []byte("\n"))
	fields := strings.Fields(string(head))
	if !found || len(fields) != 3 || fields[0] != magic || fields[2] != strconv.Itoa(len(body)) {
		return Record{}, errDamaged
	}
	sum := sha256.Sum256(body)
	if fields[1] != hex.EncodeToString(sum[:]) {
		return Record{}, errDamaged
	}
	var r Record
	if err := json.Unmarshal(body, &r); err != nil {
		return Record{}, fmt.Errorf("%w: %w", errDamaged, err)
	}
	return r, nil
}

func name(seq uint64, suffix string) string {
	return fmt.Sprintf("%0*d%s", seqDigits, seq, suffix)
}

// parseName returns the number and the suffix of a file of ours.
func parseName(file string) (seq uint64, suffix string, ok bool) {
	if len(file) < seqDigits {
		return 0, "", false
	}
	seq, err := strconv.ParseUint(file[:seqDigits], 10, 64)
	suffix = file[seqDigits:]
	known := suffix == recordSuffix || suffix == deadSuffix || suffix == partialSuffix
	return seq, suffix, err == nil && known
}
