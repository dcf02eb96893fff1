package sms

import "fmt"

// Text is what the phone shows.
func (m Message) Text() string { return fmt.Sprint("not built yet") }
