package cli

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/sms"
)

// A demoPhone is the phone of everybody in the demo: what the portal sends
// arrives on its page and, once the tour is over, in the terminal.
type demoPhone struct {
	*sms.Console
	server   *http.Server
	listener net.Listener

	mu   sync.Mutex // guards ring
	ring func(sms.Message)
}

// startDemoPhone opens the phone's page on a free port of this machine.
func startDemoPhone() (*demoPhone, error) {
	p := &demoPhone{}
	p.Console = sms.NewConsole(p.arrived)
	var err error
	if p.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return nil, fmt.Errorf("the phone's page: %w", err)
	}
	p.server = &http.Server{Handler: http.HandlerFunc(p.page), ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second}
	go func() { _ = p.server.Serve(p.listener) }() // ends with close
	return p, nil
}

func (p *demoPhone) url() string { return "http://" + p.listener.Addr().String() + "/" }

func (p *demoPhone) close() error { return p.server.Close() }

// onMessage has each further message handed to ring.
func (p *demoPhone) onMessage(ring func(sms.Message)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ring = ring
}

func (p *demoPhone) arrived(m sms.Message) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ring != nil {
		p.ring(m)
	}
}

// code is the code of the newest message.
func (p *demoPhone) code(context.Context) (string, error) {
	all := p.Messages()
	if len(all) == 0 {
		return "", errors.New("no message has arrived")
	}
	last := all[len(all)-1].Code
	return string(last[:]), nil
}

// demoPhonePage shows the messages, newest first, and looks for new ones by itself.
var demoPhonePage = template.Must(template.New("phone").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="2">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>The phone</title>
<style>
:root { color-scheme: light dark; font: 17px/1.5 system-ui, "PingFang SC", "Noto Sans CJK SC", sans-serif }
body { max-width: 26rem; margin: 0 auto; padding: 1.5rem }
li { list-style: none; border: 1px solid color-mix(in srgb, currentColor 25%, transparent); border-radius: 1rem; padding: .8rem 1rem; margin: 0 0 .8rem; overflow-wrap: anywhere }
small { opacity: .75; display: block } ul { padding: 0 } h1 { font-size: 1.3rem }
</style></head><body>
<h1>The phone of everybody in this demo</h1>
<ul>{{range .}}<li><small>to {{.To}}</small>{{.Text}}</li>{{else}}<li>No message yet. Sign in at the portal and ask for a code.</li>{{end}}</ul>
</body></html>
`))

// page shows the messages to browsers of this machine.
func (p *demoPhone) page(w http.ResponseWriter, r *http.Request) {
	if r.Host != p.listener.Addr().String() { // no other name may lead here (DNS rebinding)
		http.Error(w, "not here", http.StatusMisdirectedRequest)
		return
	}
	messages := p.Messages()
	slices.Reverse(messages)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = demoPhonePage.Execute(w, messages) // the browser has gone
}
