package status

import (
	"regexp"
	"slices"
	"strings"
)

// passing are the parts of a message that differ from one attempt to the next
// although what they report does not.
var passing = []*regexp.Regexp{
	// Addresses in memory, in the texts of libraries that print what they hold.
	regexp.MustCompile(`\b0x[0-9a-fA-F]{6,}\b`),
	// How long something took.
	regexp.MustCompile(`\b\d+(\.\d+)?(h|ms|m|s|µs|ns)(\d+(\.\d+)?(ms|m|s))*\b`),
	// When something was.
	regexp.MustCompile(`\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z| ?[+-]\d\d:?\d\d)?`),
	// Files and directories that were made for one attempt.
	regexp.MustCompile(`(/tmp|/var/tmp|/dev/shm)/[^\s:;,'")]+`),
	// The near end of a connection.
	regexp.MustCompile(`:\d{1,5}->`),
	// Names of requests.
	regexp.MustCompile(`\b[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b`),
}

// maxSteady bounds the part of a message that is compared, in bytes.
const maxSteady = 64 << 10

// Steady returns what two messages have in common that report the same: without
// addresses, durations, times and random names, and with its words in one order, since
// what comes out of a map has none. It is for comparing and not for reading.
func Steady(message string) string {
	message = message[:min(len(message), maxSteady)]
	for _, part := range passing {
		message = part.ReplaceAllString(message, "")
	}
	words := strings.FieldsFunc(message, func(r rune) bool { return strings.ContainsRune(" \t\r\n,;", r) })
	slices.Sort(words)
	return strings.Join(words, " ")
}
