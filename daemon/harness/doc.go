// Package harness is a small IMAP and SMTP submission server with mailboxes in
// memory, for trying the daemon out and for tests.
//
// It knows no passwords. Whoever logs in is asked about at a Dovecot
// authentication socket, over the same protocol and with the same parameters
// that a real mail server uses, and whether a recipient is local is asked at a
// userdb socket, as LMTP does. What the socket answers reaches the mail program
// in the words that Dovecot uses (imap-login/client-authenticate.c,
// submission-login/client-authenticate.c).
//
// Secrets are taken only over TLS: on the implicit-TLS ports, and after STARTTLS
// on the others, unless Options.Cleartext says otherwise. The certificate is made
// at start and trusted by nobody; [Server.CertPEM] is for clients that want to
// check it.
//
// Mail handed in for a local address lies in that address's INBOX at once; mail
// for anyone else is refused. Everything is gone when the server is closed.
//
// It is no mail server for daily use: go-imap ends a login whose answer to a
// challenge is longer than 4 KiB, and does one command of a connection at a time.
package harness
