package document

// Files are the files of objects and of patches that a build reads, each judged
// once.
type Files struct {
	roles map[string]role
	read  []file
}

// role is what kustomization files list a file as.
type role struct{ objects, patch, judged bool }

type file struct {
	name string
	data []byte
}

// NewFiles returns no files.
func NewFiles() *Files { return &Files{roles: map[string]role{}} }

// List says that files are listed as such of objects or of patches.
func (f *Files) List(objects, patches []string) {
	for _, name := range objects {
		r := f.roles[name]
		f.roles[name] = role{objects: true, patch: r.patch, judged: r.judged && r.objects}
	}
	for _, name := range patches {
		r := f.roles[name]
		f.roles[name] = role{objects: r.objects, patch: true, judged: r.judged && r.patch}
	}
}

// Judge finds what the library would drop of a file that was read.
func (f *Files) Judge(name string, data []byte) *Fault {
	r := f.roles[name]
	if r.judged || (!r.objects && !r.patch) {
		return nil
	}
	if r.objects {
		f.read = append(f.read, file{name, data})
		if found := Dropped(data); found != nil {
			return found
		}
	}
	if r.patch {
		if found := Twice(data); found != nil {
			return found
		}
	}
	r.judged = true
	f.roles[name] = r
	return nil
}

// Blame finds the first of the files of objects that holds something else. It is for
// a build that has failed: all files are parsed, for as long as the build may go on.
func (f *Files) Blame(goesOn func() bool) (name string, found *Fault) {
	for _, file := range f.read {
		if !goesOn() {
			return "", nil
		}
		if found := Objects(file.data); found != nil {
			return file.name, found
		}
	}
	return "", nil
}
