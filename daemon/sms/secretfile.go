package sms

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"
)

const maxSecret = 4096 // bytes

// readSecret reads the one line of a secret's file. It is read again for each
// message: a new secret works as soon as its file is in place.
func readSecret(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("sms: secret: %w", err)
	}
	if !info.Mode().IsRegular() { // opening a pipe would wait for its writer
		return "", fmt.Errorf("sms: secret: %s is not a file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("sms: secret: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	if err != nil {
		return "", fmt.Errorf("sms: secret: %w", err)
	}
	secret := strings.TrimRight(string(text), "\r\n")
	if err := checkSecret(secret); err != nil {
		return "", fmt.Errorf("sms: secret: %s %w", path, err)
	}
	return secret, nil
}

func checkSecret(secret string) error {
	switch {
	case secret == "":
		return errors.New("is empty")
	case len(secret) > maxSecret:
		return fmt.Errorf("has more than %d bytes", maxSecret)
	case !utf8.ValidString(secret) || strings.ContainsFunc(secret, unicode.IsControl):
		return errors.New("is not one line of text")
	}
	return nil
}
