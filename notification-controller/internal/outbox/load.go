package outbox

import (
	"cmp"
	"errors"
	"os"
	"slices"
)

// found is a file of ours in the directory.
type found struct {
	seq    uint64
	suffix string
	size   int64
}

// load reads what a former process left. Only the index stays in memory.
func (b *Outbox) load(root *os.Root) error {
	files, err := list(root)
	if err != nil {
		return err
	}
	dead := map[uint64]bool{}
	for _, f := range files {
		b.nextSeq = max(b.nextSeq, f.seq+1)
		if f.suffix == deadSuffix {
			dead[f.seq] = true
			b.dead = append(b.dead, entry{seq: f.seq, size: onDisk(int(f.size))})
		}
	}
	for _, f := range files {
		switch {
		case f.suffix == partialSuffix, f.suffix == recordSuffix && dead[f.seq]:
			// Nobody was promised the first; the second died before it was removed.
			if err := b.disk.Remove(name(f.seq, f.suffix)); err != nil {
				return err
			}
		case f.suffix == recordSuffix:
			if err := b.loadRecord(f); err != nil {
				return err
			}
		}
	}
	b.pruneDead()
	return nil
}

func (b *Outbox) loadRecord(f found) error {
	record, size, err := b.read(f.seq)
	if errors.Is(err, errDamaged) {
		b.setAside(f.seq, err)
		return nil
	}
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ids[record.ID] = struct{}{}
	b.push(record.Queue, entry{seq: f.seq, id: record.ID, size: onDisk(size), stored: record.Stored})
	return nil
}

func (b *Outbox) read(seq uint64) (Record, int, error) {
	data, err := b.disk.Read(name(seq, recordSuffix))
	if err != nil {
		return Record{}, 0, err
	}
	record, err := decode(data)
	return record, len(data), err
}

// setAside keeps a damaged file among the dead letters.
func (b *Outbox) setAside(seq uint64, cause error) {
	b.options.Log.Error(cause, "setting a delivery aside", "file", name(seq, deadSuffix))
	err := b.disk.Rename(name(seq, recordSuffix), name(seq, deadSuffix))
	b.mu.Lock()
	b.stats.Damaged++
	if err == nil {
		b.dead = append(b.dead, entry{seq: seq, size: block})
	}
	b.mu.Unlock()
}

// list returns our files in the order in which they were put.
func list(root *os.Root) ([]found, error) {
	dir, err := root.Open(".")
	if err != nil {
		return nil, err
	}
	defer func() { _ = dir.Close() }()
	entries, err := dir.ReadDir(-1)
	if err != nil {
		return nil, err
	}
	var files []found
	for _, e := range entries {
		seq, suffix, ok := parseName(e.Name())
		if !ok || !e.Type().IsRegular() {
			continue
		}
		info, err := e.Info()
		if err != nil {
			return nil, err
		}
		files = append(files, found{seq: seq, suffix: suffix, size: info.Size()})
	}
	slices.SortFunc(files, func(x, y found) int { return cmp.Compare(x.seq, y.seq) })
	return files, nil
}
