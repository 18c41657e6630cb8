// Command images builds an image for each controller, without a container runtime:
// static binaries for each platform on a base that holds CA certificates and a user, as
// an OCI layout and as an archive, and pushes them to a registry that is named.
//
// The same source gives the same bytes: files have no dates, and binaries no paths.
//
// Usage: images -root ROOT [-out FOLDER] [-tag TAG] [-platforms LIST] [-push REGISTRY/PATH] [CONTROLLER...].
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// options say what is built, and where it goes.
type options struct {
	// root is the repository.
	root string
	// out is the folder for layouts and archives.
	out string
	// repository is what images are called before the name of the controller.
	repository string
	tag        string
	platforms  []platform
	// push is where images are pushed to; empty pushes nothing. plain allows HTTP there.
	push  string
	plain bool
	// controllers are those to build; all when empty.
	controllers []string
}

// platform is what a binary runs on.
type platform struct{ os, arch string }

func (p platform) String() string { return p.os + "/" + p.arch }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	o, err := parse(os.Args[1:], os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err == nil {
		err = run(ctx, o, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "images:", err)
		os.Exit(1)
	}
}

func parse(args []string, out io.Writer) (options, error) {
	o := options{}
	flags := flag.NewFlagSet("images", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.StringVar(&o.root, "root", ".", "the root of the repository")
	flags.StringVar(&o.out, "out", "", "the folder for layouts and archives (default: bin/images below the root)")
	flags.StringVar(&o.repository, "repository", "ghcr.io/capstan-gitops", "what the manifests call the images, before the name of the controller")
	flags.StringVar(&o.tag, "tag", "v0.1.0", "the tag of the images, as the manifests name it")
	platforms := flags.String("platforms", "linux/amd64,linux/arm64", "the platforms to build for")
	flags.StringVar(&o.push, "push", "", "push to this registry and path, as registry.example.com/team; credentials come from docker login")
	flags.BoolVar(&o.plain, "plain-http", false, "push over HTTP; a registry at localhost is always reached so")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	o.controllers = flags.Args()
	for text := range strings.SplitSeq(*platforms, ",") {
		system, arch, ok := strings.Cut(strings.TrimSpace(text), "/")
		if !ok || system != "linux" || arch == "" {
			return o, fmt.Errorf("reading -platforms: %q is not linux/ARCHITECTURE", text)
		}
		o.platforms = append(o.platforms, platform{system, arch})
	}
	if strings.Contains(o.push, "://") {
		return o, fmt.Errorf("reading -push: %q: leave out the scheme; -plain-http chooses HTTP", o.push)
	}
	return o, nil
}

func run(ctx context.Context, o options, progress io.Writer) error {
	root, err := filepath.Abs(o.root)
	if err != nil {
		return fmt.Errorf("finding the repository: %w", err)
	}
	o.root = root
	if o.out == "" {
		o.out = filepath.Join(root, "bin", "images")
	}
	known, err := filepath.Glob(filepath.Join(root, "*-controller", "main.go"))
	if err != nil {
		return fmt.Errorf("finding controllers: %w", err)
	}
	all := make([]string, 0, len(known))
	for _, file := range known {
		all = append(all, filepath.Base(filepath.Dir(file)))
	}
	if len(o.controllers) == 0 {
		o.controllers = all
	}
	for _, c := range o.controllers {
		if !slices.Contains(all, c) {
			return fmt.Errorf("%q is not a controller of this repository; those are %s", c, strings.Join(all, ", "))
		}
	}
	for _, c := range o.controllers {
		if err := one(ctx, o, c, progress); err != nil {
			return fmt.Errorf("building the image of %s: %w", c, err)
		}
	}
	return nil
}

// one builds, stores and pushes the image of one controller.
func one(ctx context.Context, o options, controller string, progress io.Writer) error {
	began := time.Now()
	built, err := assemble(ctx, o, controller)
	if err != nil {
		return err
	}
	folder := filepath.Join(o.out, controller)
	if err := built.writeLayout(folder); err != nil {
		return err
	}
	archive := folder + ".tar"
	if err := built.writeArchive(archive); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(progress, "built %s for %s in %s\n  %s\n  layout  %s\n  archive %s\n",
		built.name, platformsOf(o.platforms), time.Since(began).Round(100*time.Millisecond), built.index.Digest, folder, archive)
	if o.push == "" {
		return nil
	}
	to := o.push + "/" + controller + ":" + o.tag
	if err := push(ctx, folder, o.tag, to, o.plain); err != nil {
		return fmt.Errorf("pushing to %s: %w", to, err)
	}
	_, _ = fmt.Fprintf(progress, "  pushed  %s\n", to)
	return nil
}

func platformsOf(platforms []platform) string {
	names := make([]string, 0, len(platforms))
	for _, p := range platforms {
		names = append(names, p.String())
	}
	return strings.Join(names, " and ")
}
