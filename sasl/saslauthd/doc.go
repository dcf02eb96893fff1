// Package saslauthd speaks the protocol of Cyrus SASL's saslauthd in both roles:
// as the daemon that servers built with that library ask whether a password is
// right (Cyrus IMAP, Sendmail, OpenLDAP, and Postfix with smtpd_sasl_type =
// cyrus, each with pwcheck_method: saslauthd), and as a client of such a daemon.
// It knows neither SASL mechanisms nor accounts: a [Server] turns bytes into a
// [Request], asks its Answer function, and turns the [Reply] into bytes.
//
// There is no document but the source: saslauthd/ipc_unix.c for the daemon,
// saslauthd_verify_password in lib/checkpw.c and saslauthd/testsaslauthd.c for
// the clients, all of cyrus-sasl 2.1.28.
//
// # The wire
//
// A client connects to a unix socket, sends one request in one write, reads one
// reply and closes. A string is two bytes, its length with the higher byte first,
// and as many bytes of text. A request is four strings: login, password, service
// and realm. The reply is one: "OK" or "NO", and after it any text, which
// checkpw.c and testsaslauthd do not look at.
//
// checkpw.c splits a login at its last "@" and sends what stands after it as the
// realm; the realm that the server was set up with is sent for a login without
// one. testsaslauthd does not split.
//
// The branch of cyrus-sasl after 2.1.28 sends a fifth string, the address of
// the person's machine as "192.0.2.1;51234" (SASL_IPREMOTEPORT); its clients and its
// daemon do not talk with the released ones. A Server takes both: what has arrived
// behind the fourth string is a fifth, and a request that ends after the fourth
// is whole. Clients write a request in one go, so it arrives in one piece.
//
// # No answer
//
// The protocol has no word for "could not tell". In checkpw.c a "NO" is
// SASL_BADAUTH, which tells a person that the password is wrong; a closed
// connection, a reply shorter than two bytes, and no connection at all are
// SASL_FAIL, which Postfix since 3.1 answers with a temporary failure
// (src/xsasl/xsasl_cyrus_server.c). Exim's saslauthd condition tells the two apart,
// too: it is false on "NO", and cannot be expanded otherwise (src/expand.c).
//
// [Unanswered], the zero Outcome, is therefore sent as an empty string. It is not a
// closed connection because checkpw.c forgets to close its end of one, so that
// each would cost the asking process a file descriptor.
//
// # Bounds
//
// A request has at most 8,192 bytes: checkpw.c composes it in a buffer of that
// size and fails by itself if it does not fit. (saslauthd refuses a string of more
// than 256 bytes; here that is left to Answer.) A peer that sends more, or takes more
// than 10 seconds for it, is disconnected, and a log line says why. No log line holds
// anything of what a peer has sent: any part of it may be a password.
package saslauthd
