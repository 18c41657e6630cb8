package gitserver

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	osexec "os/exec"
	"strings"
)

const (
	uploadPack  = "git-upload-pack"
	receivePack = "git-receive-pack"
	infoRefs    = "/info/refs"
)

// serve answers the three requests of smart HTTP.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	s.count(func(st *Stats) { st.Requests++ })
	out, proceed := s.applyFault(w, r)
	if !proceed {
		return
	}
	if !s.authorized(r) {
		s.count(func(st *Stats) { st.Unauthorized++ })
		w.Header().Set("WWW-Authenticate", `Basic realm="gitserver"`)
		http.Error(w, "credentials required", http.StatusUnauthorized)
		return
	}
	switch {
	case r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, infoRefs):
		s.advertise(out, r)
	case r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/"+uploadPack):
		s.rpc(out, r, uploadPack)
	case r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/"+receivePack):
		s.rpc(out, r, receivePack)
	default:
		http.NotFound(w, r)
	}
	if out.aborted {
		panic(http.ErrAbortHandler)
	}
}

// advertise lists the references.
func (s *Server) advertise(w http.ResponseWriter, r *http.Request) {
	service := r.URL.Query().Get("service")
	dir, ok := s.folder(strings.TrimSuffix(r.URL.Path, infoRefs))
	if !ok || service != uploadPack && service != receivePack {
		http.Error(w, "repository not found", http.StatusNotFound)
		return
	}
	s.count(func(st *Stats) { st.Advertisements++ })
	header(w, "application/x-"+service+"-advertisement")
	line := "# service=" + service + "\n"
	_, _ = fmt.Fprintf(w, "%04x%s0000", len(line)+4, line)
	cmd := s.command(r.Context(), dir, strings.TrimPrefix(service, "git-"), "--stateless-rpc", "--http-backend-info-refs", dir)
	cmd.Env = append(cmd.Env, "GIT_PROTOCOL="+r.Header.Get("Git-Protocol"))
	cmd.Stdout = w
	if err := cmd.Run(); err != nil {
		panic(http.ErrAbortHandler)
	}
}

// rpc hands the body to git and its answer to the client.
func (s *Server) rpc(w http.ResponseWriter, r *http.Request, service string) {
	dir, ok := s.folder(strings.TrimSuffix(r.URL.Path, "/"+service))
	if !ok {
		http.Error(w, "repository not found", http.StatusNotFound)
		return
	}
	body := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		unzipped, err := gzip.NewReader(r.Body)
		if err != nil {
			http.Error(w, "bad gzip", http.StatusBadRequest)
			return
		}
		body = unzipped
	}
	s.count(func(st *Stats) {
		if service == uploadPack {
			st.Fetches++
		} else {
			st.Pushes++
		}
	})
	header(w, "application/x-"+service+"-result")
	cmd := s.command(r.Context(), dir, strings.TrimPrefix(service, "git-"), "--stateless-rpc", dir)
	cmd.Env = append(cmd.Env, "GIT_PROTOCOL="+r.Header.Get("Git-Protocol"))
	cmd.Stdin, cmd.Stdout = body, w
	if err := cmd.Run(); err != nil && r.Context().Err() != nil {
		panic(http.ErrAbortHandler)
	}
}

func header(w http.ResponseWriter, contentType string) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Cache-Control", "no-cache, max-age=0, must-revalidate")
}

// command runs git in a folder with an environment that holds nothing of the
// user's.
func (s *Server) command(ctx context.Context, dir string, args ...string) *osexec.Cmd {
	cmd := osexec.CommandContext(ctx, s.git, args...)
	cmd.Dir = dir
	cmd.Env = cleanEnvironment(s.root)
	return cmd
}
