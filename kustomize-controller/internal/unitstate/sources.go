package unitstate

import "sync"

// Sources remembers the sources that published an index which does not describe
// their artifact. The zero value is ready for use, also concurrently.
type Sources struct {
	mu sync.Mutex
	// distrusted are those sources; true once that was reported.
	distrusted map[string]bool
}

// Distrust remembers that an index of a source was found wrong.
func (s *Sources) Distrust(source string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.distrusted == nil {
		s.distrusted = map[string]bool{}
	}
	if _, known := s.distrusted[source]; !known {
		s.distrusted[source] = false
	}
}

// Trusts reports whether the indexes of a source are believed.
func (s *Sources) Trusts(source string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, distrusted := s.distrusted[source]
	return !distrusted
}

// Unreported reports, once for each source, that it is distrusted.
func (s *Sources) Unreported(source string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	reported, distrusted := s.distrusted[source]
	if distrusted {
		s.distrusted[source] = true
	}
	return distrusted && !reported
}
