package examples

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/harness"
)

// place is the private corner of the machine in which the servers of one test
// run: folders that nobody else uses and a certificate that only they have.
type place struct {
	dir  string
	cert string // PEM file
	key  string // PEM file
	tls  *tls.Config
}

// newPlace makes the folder. It is not t.TempDir: the path of a unix socket is
// at most 107 bytes, and dovenull and postfix must be able to walk through.
func newPlace(t *testing.T) *place {
	t.Helper()
	dir, err := os.MkdirTemp("", "lk")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	p := &place{dir: dir, cert: filepath.Join(dir, "cert.pem"), key: filepath.Join(dir, "key.pem")}
	p.folder(t, ".", "root", 0o755)
	p.makeCertificate(t)
	return p
}

// folder makes the folder name below the place, owned by the user.
func (p *place) folder(t *testing.T, name, owner string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(p.dir, name)
	if err := os.MkdirAll(path, 0o755); err != nil {
		t.Fatal(err)
	}
	uid, gid := ids(t, owner)
	if err := os.Chown(path, uid, gid); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

// write writes a file below the place and gives its path.
func (p *place) write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(p.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// copy copies a file of the examples below the place, byte for byte.
func (p *place) copy(t *testing.T, name string) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	p.write(t, name, string(text))
}

// moved rewrites the folders that a text names to where they are here.
func (p *place) moved(text string) string {
	return strings.NewReplacer(
		"/run/dovecot/", p.dir+"/dovecot/",
		"/run/latchkey/", p.dir+"/run/",
		"/var/spool/postfix/", p.dir+"/queue/",
		"/var/vmail/", p.dir+"/vmail/",
		"/etc/latchkey/", p.dir+"/",
	).Replace(text)
}

func (p *place) makeCertificate(t *testing.T) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotBefore:    now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	writePEM(t, p.cert, "CERTIFICATE", der, 0o644)
	writePEM(t, p.key, "PRIVATE KEY", keyDER, 0o600)
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	p.tls = &tls.Config{RootCAs: pool, ServerName: "localhost"}
}

func writePEM(t *testing.T, path, kind string, der []byte, mode os.FileMode) {
	t.Helper()
	text := pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
	if err := os.WriteFile(path, text, mode); err != nil {
		t.Fatal(err)
	}
}

// ids looks a user up and gives its uid and its own group's gid.
func ids(t *testing.T, name string) (uid, gid int) {
	t.Helper()
	u, err := user.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	uid, err = strconv.Atoi(u.Uid)
	if err != nil {
		t.Fatal(err)
	}
	gid, err = strconv.Atoi(u.Gid)
	if err != nil {
		t.Fatal(err)
	}
	return uid, gid
}

// freePorts finds n ports of the loopback address, and keeps them from everybody
// but who asks for them by number until the test ends.
func freePorts(t *testing.T, n int) []string {
	t.Helper()
	ports := make([]string, n)
	for i := range ports {
		port, release, err := harness.ReservePort()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { release() })
		ports[i] = port
	}
	return ports
}
