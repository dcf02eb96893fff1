package portal

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"path"
	"strings"
	"time"
)

//go:embed static
var static embed.FS

// staticRoutes serve the style sheet, the script and the icon.
func (s *Server) staticRoutes() []route {
	return []route{{method: http.MethodGet, path: "/static/{name}", who: anyone, public: true, handle: s.showStatic}}
}

// showStatic answers with a file. Browsers may keep it, but ask each time whether
// it is still the same: after an update pages and style belong together.
func (s *Server) showStatic(w http.ResponseWriter, r *http.Request, _ *visit) {
	name := r.PathValue("name")
	body, err := static.ReadFile("static/" + name)
	kind := map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}[path.Ext(name)]
	if err != nil || kind == "" || strings.Contains(name, "/") {
		http.NotFound(w, r)
		return
	}
	sum := sha256.Sum256(body)
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Cache-Control", "no-cache")
	h.Set("ETag", `"`+hex.EncodeToString(sum[:12])+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}
