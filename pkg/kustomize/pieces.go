package kustomize

import (
	"path"

	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/api/types"

	"github.com/capstan-gitops/capstan/pkg/kustomize/internal/bomb"
	"github.com/capstan-gitops/capstan/pkg/kustomize/internal/piece"
	"github.com/capstan-gitops/capstan/pkg/kustomize/record"
)

// piecesFrom is the number of objects from which on building in pieces pays.
const piecesFrom = 64

// cacheBytes is how much is kept of large trees by default.
const cacheBytes = 64 << 20

// pieces is how a session builds a plain tree in pieces.
type pieces struct {
	cache *piece.Cache
	least int
}

func (p *pieces) kept() *piece.Cache {
	if p == nil {
		return nil
	}
	return p.cache
}

// inPieces builds a plain tree in pieces, or declines and leaves no trace but what
// it has seen, which the library would look at as well.
func (s *session) inPieces(dir string, p *pieces) (objects []piece.Object, ok bool) {
	if p == nil {
		return nil, false
	}
	ok = s.Try(func() bool {
		plan, ok := piece.Make(pieceSource{s}, dir)
		if ok {
			objects, ok = p.cache.Build(plan, p.least, s.readPiece)
		}
		return ok
	})
	if !ok {
		s.tally, s.depth = tally{}, map[string]int{}
	}
	return objects, ok
}

func (s *session) readPiece(name string) ([]byte, bool) {
	if s.Alive() != nil {
		return nil, false
	}
	data, err := s.Read(name)
	return data, err == nil && s.inspect(name, data) == nil && s.count(bomb.Objects(data), 0) == nil
}

// pieceSource lets a plan look at a session's tree. Everything goes through the
// same checks as if the library had asked.
type pieceSource struct{ s *session }

// Kustomization returns the one kustomization file of a directory.
func (p pieceSource) Kustomization(dir string) (string, *types.Kustomization, bool) {
	found := ""
	for _, base := range konfig.RecognizedKustomizationFileNames() {
		name := path.Join(dir, base)
		_, generated := p.s.generate[name]
		if !generated {
			kind, err := p.s.Lookup(name)
			if err != nil {
				return "", nil, false
			}
			generated = kind == record.KindFile
		}
		if generated && found != "" {
			return "", nil, false
		}
		if generated {
			found = name
		}
	}
	if found == "" {
		return "", nil, false
	}
	if _, err := (recordingFS{s: p.s}).ReadFile(path.Join(p.s.root, found)); err != nil {
		return "", nil, false
	}
	k := p.s.guarded[found].k
	return found, k, k != nil
}

// Join returns the name of an entry of a kustomization file in dir.
func (p pieceSource) Join(dir, entry string) (string, bool) {
	name, err := p.s.Within(dir, entry)
	return name, err == nil
}

// Kind says what is at a name.
func (p pieceSource) Kind(name string) (record.Kind, bool) {
	kind, err := p.s.Lookup(name)
	return kind, err == nil
}
