package sms

import (
	"context"
	"errors"
	"io"
	"log"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	testSecret = "s3cret/of the&gateway=?%"
	testTo     = "+8613812345678"
	testCode   = "406193"
)

func message() Message {
	return Message{To: testTo, Purpose: SignIn, Language: Chinese, Site: "研究所邮箱", Code: [6]byte([]byte(testCode)), Minutes: 5}
}

func secretFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	writeSecret(t, path, text)
	return path
}

func writeSecret(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// failed checks the kind of a failure, and that its text tells nothing.
func failed(t *testing.T, err, kind error) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Fatalf("got %v, want %v", err, kind)
	}
	tellsNothing(t, err.Error())
}

func tellsNothing(t *testing.T, text string) {
	t.Helper()
	for _, word := range []string{testCode, testTo[1:], testTo[3:], testTo[6:], testSecret, percentEncode(testSecret), "研究所", "?", "{{"} {
		if strings.Contains(text, word) {
			t.Errorf("%q tells %q", text, word)
		}
	}
}

var discard = log.New(io.Discard, "", 0)

// No sender asks its gateway for what is no message.
func TestSendersCheckFirst(t *testing.T) {
	gateway := newStandIn(t)
	ali, errAli := NewAliyun(aliyunOptions(t, gateway.URL))
	ten, errTen := NewTencent(tencentOptions(t, gateway.URL))
	if errAli != nil || errTen != nil {
		t.Fatal(errAli, errTen)
	}
	m := message()
	m.To += ",+8613812345679"
	for _, s := range []Sender{ali, ten, newHTTP(t, HTTPOptions{URL: gateway.URL}), NewConsole(nil)} {
		failed(t, s.Send(context.Background(), m), ErrMessage)
	}
	if gateway.asked != nil {
		t.Error("the gateway was asked")
	}
}
