package fleet

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
)

// hugeName names the repository, the source, the Kustomization and the namespace of many objects.
const hugeName = "huge"

// hugePerFile is how many of its objects share a file.
const hugePerFile = 100

// Huge is the unit of many objects.
func Huge() Unit { return Unit{Name: hugeName, Namespace: hugeName, Home: home, Source: hugeName} }

// PrepareHuge makes the namespace, the repository and the source of a unit of many ConfigMaps.
func (f *Fleet) PrepareHuge(ctx context.Context, objects int) error {
	if err := f.Namespace(ctx, hugeName); err != nil {
		return err
	}
	files, err := huge(objects)
	if err != nil {
		return err
	}
	return f.Source(ctx, hugeName, files)
}

// CommitHuge changes the value of one object, of so many.
func (f *Fleet) CommitHuge(ctx context.Context, objects, i int, value string) (string, error) {
	first := i / hugePerFile * hugePerFile
	text, err := hugeFile(first, min(first+hugePerFile, objects), map[int]string{i: value})
	if err != nil {
		return "", err
	}
	return f.CommitFiles(ctx, hugeName, map[string]string{hugePath(first): text})
}

// HugeKey names an object of the unit in a table.
func HugeKey(i int) string { return hugeName + "/" + hugeObject(i) }

// StatusSize returns the size of the status of a unit in bytes, as the API server stores it.
func (f *Fleet) StatusSize(ctx context.Context, u Unit) (int, error) {
	body, err := f.api.Get().AbsPath(unitPath(u)).DoRaw(ctx)
	if err != nil {
		return 0, fmt.Errorf("reading %s: %w", u.Name, err)
	}
	var fields struct {
		Status json.RawMessage `json:"status"`
	}
	if err := json.Unmarshal(body, &fields); err != nil {
		return 0, fmt.Errorf("decoding %s: %w", u.Name, err)
	}
	return len(fields.Status), nil
}

// huge returns a folder of many ConfigMaps.
func huge(objects int) (map[string]string, error) {
	files, names := map[string]string{}, []string{}
	for first := 0; first < objects; first += hugePerFile {
		text, err := hugeFile(first, min(first+hugePerFile, objects), nil)
		if err != nil {
			return nil, err
		}
		path := hugePath(first)
		files[path], names = text, append(names, strings.TrimPrefix(path, hugeName+"/"))
	}
	root, err := kustomizationFile(names)
	files[hugeName+"/kustomization.yaml"] = root
	return files, err
}

// hugeFile returns a file with the objects from first to end, which is not in it.
func hugeFile(first, end int, changed map[int]string) (string, error) {
	var text strings.Builder
	for i := first; i < end; i++ {
		value, ok := changed[i]
		if !ok {
			value = initialValue
		}
		one, err := manifest(configMap(hugeName, hugeObject(i), value))
		if err != nil {
			return "", err
		}
		text.WriteString("---\n" + one)
	}
	return text.String(), nil
}

func hugePath(first int) string { return fmt.Sprintf("%s/objects-%05d.yaml", hugeName, first) }

func hugeObject(i int) string { return fmt.Sprintf("object-%05d", i) }
