package app

import (
	"fmt"
	"time"

	"github.com/spf13/pflag"
)

// Pending are flags of the wire contract that the controller does not act on
// yet. They are accepted with their default, so that existing manifests work; any
// other value is an error at start, because ignoring it could cost more than
// refusing it.
type Pending struct {
	flags *pflag.FlagSet
	names []string
}

// String adds a pending flag that takes a text.
func (p *Pending) String(fs *pflag.FlagSet, name, value, usage string) {
	fs.String(name, value, usage+" This version accepts the default only.")
	p.add(fs, name)
}

// Duration adds a pending flag that takes a length of time.
func (p *Pending) Duration(fs *pflag.FlagSet, name string, value time.Duration, usage string) {
	fs.Duration(name, value, usage+" This version accepts the default only.")
	p.add(fs, name)
}

// Strings adds a pending flag that takes a list.
func (p *Pending) Strings(fs *pflag.FlagSet, name, usage string) {
	fs.StringSlice(name, nil, usage+" This version accepts the default only.")
	p.add(fs, name)
}

// Bool adds a pending flag that is a switch.
func (p *Pending) Bool(fs *pflag.FlagSet, name string, value bool, usage string) {
	fs.Bool(name, value, usage+" This version accepts the default only.")
	p.add(fs, name)
}

func (p *Pending) add(fs *pflag.FlagSet, name string) {
	p.flags, p.names = fs, append(p.names, name)
}

// Validate reports the first pending flag that was given another value.
func (p *Pending) Validate() error {
	for _, name := range p.names {
		if f := p.flags.Lookup(name); f.Changed && f.Value.String() != f.DefValue {
			return fmt.Errorf("reading --%s: this version does not act on it; leave it out", name)
		}
	}
	return nil
}
