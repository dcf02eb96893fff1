package portal

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"path"
	"runtime/debug"
	"strings"
	"time"
)

// Headers of every answer. Nothing is loaded from elsewhere, nothing inline is
// run, nobody may frame a page, and no page is kept: a shared computer's "back"
// button must not show the last person's codes.
const (
	contentSecurityPolicy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; " +
		"form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
	// No other site is told where its visitor comes from. Not "no-referrer": under
	// it browsers send "Origin: null" with the portal's own forms (Fetch, section
	// 3.1), and those that do not send Sec-Fetch-Site, such as Safari before 16.4,
	// would have every form refused as another site's.
	referrerPolicy    = "same-origin"
	permissionsPolicy = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"
	strictTransport   = "max-age=31536000"
)

// around puts around the pages what holds for every request.
func (s *Server) around(pages http.Handler) http.Handler {
	origin := http.NewCrossOriginProtection()
	origin.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.errorPage(w, r, http.StatusForbidden, "error.cross_origin")
	}))
	return s.headed(s.private(s.hosted(s.based(s.logged(s.recovered(s.cleaned(origin.Handler(pages))))))))
}

// recovered answers a request whose handler panicked, and logs where. What was
// panicked with may hold a secret.
func (s *Server) recovered(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			what := recover()
			if what == nil {
				return
			}
			if what == http.ErrAbortHandler {
				panic(what)
			}
			s.Log.Error("portal: panic", "path", logPath(r), "type", fmt.Sprintf("%T", what), "stack", string(debug.Stack()))
			http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		}()
		next.ServeHTTP(w, r)
	})
}

// logged leaves a line for every request: no query, no field, no cookie.
func (s *Server) logged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began, seen := s.Now(), &statusSeen{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(seen, r)
		s.Log.Debug("portal", "method", r.Method, "path", logPath(r), "status", seen.status,
			"addr", s.clientAddr(r), "took", s.Now().Sub(began).Round(time.Microsecond))
	})
}

// logPath is the path of the route that r went to: what a person typed into the
// address line may be anything.
func logPath(r *http.Request) string {
	if _, path, found := strings.Cut(r.Pattern, " "); found {
		return path
	}
	return "(none)"
}

type statusSeen struct {
	http.ResponseWriter
	status int
}

func (w *statusSeen) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusSeen) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// headed sets the headers.
func (s *Server) headed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", contentSecurityPolicy)
		h.Set("Referrer-Policy", referrerPolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", permissionsPolicy)
		h.Set("Cache-Control", "no-store")
		if s.Config().Portal.Secure() {
			h.Set("Strict-Transport-Security", strictTransport)
		}
		next.ServeHTTP(w, r)
	})
}

// private refuses what comes over a network without TLS: a password must not.
// Plain HTTP is for this machine, or for the trusted proxies where there are any.
func (s *Server) private(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.TLS == nil && !s.mayBePlain(r) {
			s.errorPage(w, r, http.StatusForbidden, "error.plain")
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (s *Server) mayBePlain(r *http.Request) bool {
	if local, known := r.Context().Value(http.LocalAddrContextKey).(net.Addr); known && local.Network() == "unix" {
		return true
	}
	peer := hostAddr(r.RemoteAddr)
	if len(s.Config().Portal.TrustedProxies) > 0 {
		return s.trusts(peer)
	}
	return peer.IsLoopback()
}

// hosted answers for the host of [portal] url only: a page that another name
// points at this address would be the portal under a stranger's name (DNS
// rebinding). Where the portal is for this machine alone, all its names are good.
func (s *Server) hosted(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		at, err := url.Parse(s.Config().Portal.URL)
		if err != nil || at.Host == "" || sameHost(at, r.Host) || loopback(at.Host) && loopback(r.Host) {
			next.ServeHTTP(w, r)
			return
		}
		s.errorPage(w, r, http.StatusMisdirectedRequest, "error.host")
	})
}

// sameHost compares hosts with their ports; that of the scheme may be left out.
func sameHost(at *url.URL, asked string) bool {
	port := map[string]string{"https": ":443", "http": ":80"}[at.Scheme]
	return strings.EqualFold(strings.TrimSuffix(at.Host, port), strings.TrimSuffix(asked, port))
}

func loopback(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = strings.Trim(host, "[]")
	}
	return strings.EqualFold(name, "localhost") || net.ParseIP(name).IsLoopback()
}

// based takes the path of [portal] url off: routes stand below it.
func (s *Server) based(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		base := s.base()
		switch {
		case base == "":
			next.ServeHTTP(w, r)
		case r.URL.Path == base:
			http.Redirect(w, r, base+"/", http.StatusPermanentRedirect)
		case !strings.HasPrefix(r.URL.Path, base+"/"):
			s.errorPage(w, r, http.StatusNotFound, "error.not_found")
		default:
			http.StripPrefix(base, next).ServeHTTP(w, r)
		}
	})
}

// cleaned answers 404 where [http.ServeMux] would redirect to the path without its
// "//" and "..": it knows nothing of the path of [portal] url, and would lead out
// of it. No page of ours links to such a path.
func (s *Server) cleaned(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isClean(r.URL.EscapedPath()) {
			s.errorPage(w, r, http.StatusNotFound, "error.not_found")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// isClean says whether a path is what the mux would make of it.
func isClean(at string) bool {
	if at == "/" {
		return true
	}
	return strings.HasPrefix(at, "/") && !strings.HasPrefix(at, "//") && path.Clean(at) == strings.TrimSuffix(at, "/")
}
