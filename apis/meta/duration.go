package meta

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// Duration is the text of a length of time: numbers with a unit each, h, m, s or
// ms, as in "1h30m". It keeps whatever text an object carries and is judged by
// Parse, so that one object with a bad value never makes a list undecodable.
type Duration string

// Errors that Parse wraps.
var (
	// ErrDurationEmpty says that no text was given.
	ErrDurationEmpty = errors.New("is empty")

	// ErrDurationNegative says that the duration is below zero.
	ErrDurationNegative = errors.New("is negative")

	// ErrDurationInvalid says that the text is not a duration, or one that is too
	// long to represent.
	ErrDurationInvalid = errors.New("is not a valid duration")
)

const (
	durationHint       = `use numbers with the units h, m, s or ms, for example "10m" or "1h30m"`
	durationQuoteLimit = 40
)

// NewDuration returns the text of d.
func NewDuration(d time.Duration) Duration {
	return Duration(d.String())
}

// UnmarshalJSON keeps a JSON string as it is, and the JSON text of any other
// value; null leaves the duration empty. It never fails on valid JSON.
func (d *Duration) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		return nil
	}
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		text = string(data)
	}
	*d = Duration(text)
	return nil
}

// Parse returns the duration, or an error that quotes the text and says how to
// write it.
func (d Duration) Parse() (time.Duration, error) {
	if d == "" {
		return 0, fmt.Errorf("duration %w: %s", ErrDurationEmpty, durationHint)
	}
	v, err := time.ParseDuration(string(d))
	if err != nil {
		return 0, fmt.Errorf("duration %s %w: %s", d.quote(), ErrDurationInvalid, d.cause())
	}
	if v < 0 {
		return 0, fmt.Errorf("duration %s %w: %s", d.quote(), ErrDurationNegative, durationHint)
	}
	return v, nil
}

// Or returns the duration, or def when there is no text.
func (d Duration) Or(def time.Duration) (time.Duration, error) {
	if d == "" {
		return def, nil
	}
	return d.Parse()
}

// cause guesses what was meant by a text that does not parse.
func (d Duration) cause() string {
	s := strings.TrimSpace(string(d))
	switch number := strings.TrimRight(s, "dw"); {
	case strings.TrimLeft(s, "0123456789.") == "":
		return "it has no unit; " + durationHint
	case number != s && strings.TrimLeft(number, "0123456789.") == "":
		return "days and weeks are not units; " + `write 24h for a day, 168h for a week`
	default:
		return durationHint
	}
}

// quote returns the text in quotes, cut so that a hostile value cannot fill a
// condition.
func (d Duration) quote() string {
	s := string(d)
	if len(s) <= durationQuoteLimit {
		return fmt.Sprintf("%q", s)
	}
	cut := durationQuoteLimit
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return fmt.Sprintf("%q…", s[:cut])
}
