// Package dovecot speaks the Dovecot authentication protocol in both roles: as
// the server that mail servers (Postfix, Exim, Dovecot's own login processes and
// many smaller ones) ask whether a login may pass, and as a client of such a
// server. It knows neither SASL mechanisms nor accounts: it moves the messages of
// an exchange between a connection and a [Backend], which decides.
//
// The protocol is described in Dovecot's documentation (auth_protocol); where
// that is silent this package follows src/auth/auth-client-connection.c,
// src/auth/auth-request-handler.c and src/auth/auth-master-connection.c of
// Dovecot 2.3 and 2.4, and the clients as they are (Postfix
// src/xsasl/xsasl_dovecot_server.c, Exim src/auths/dovecot.c, and others).
//
// # Serving
//
// A [Server] serves any number of listeners, each of one [Kind]. On a
// [KindClient] or [KindLogin] listener mail servers authenticate people; on a
// [KindMaster] listener the post-login processes of Dovecot (imap, pop3, …) turn
// a login that passed into a user (REQUEST); on a [KindUserdb] listener delivery
// and administration look users up (USER, PASS) and list them (LIST). All listeners
// of one Server share its SPID and its register of connections, which is what ties
// a REQUEST to the login it is about. [ListenerOptions] say what clients of a
// listener are believed.
//
// # Who waits for whom
//
// On a KindClient listener the whole handshake of the server leaves in one write
// at accept, in the order VERSION, MECH, SPID, CUID, COOKIE, DONE, and is shorter
// than 1024 bytes. Exim 4.96 and Radicale send nothing before they have
// read it; Radicale reads it with one recv of 1024 bytes; Postfix and Exim take a
// SPID before a MECH for a master socket and give up. The price is that the
// client's minor version is not known when the mechanisms are listed, so no
// mechanism with channel binding (-PLUS) can be offered.
//
// The login processes of Dovecot 2.4 wait for nobody. On a KindLogin listener, which
// is theirs alone, VERSION leaves at accept and the rest after the client's VERSION,
// as from Dovecot 2.4 itself; mechanisms with channel binding are then listed, last,
// to minor version 3 and up. Whoever waits for the server there waits in vain, until
// Server.HandshakeTimeout.
//
// # Channel binding
//
// The TLS connection that a mechanism is bound to ends in the login process, so the
// server asks for its data ([Request.ChallengeBinding]) and gets it with the next
// response ([Request].Binding). Before minor version 3 nothing follows the data of a
// CONT in either direction; what does is no base64.
//
// # One goroutine for each connection
//
// The goroutine that reads a connection also parses its lines and calls the
// Backend, which must return at once: it answers there and then, or later from
// any goroutine of its own. Answers are appended to the connection's buffer; at
// the end of a batch (no whole line left in the read buffer) the reading
// goroutine writes all of them in one go, else a flusher does, of which there is
// at most one for each connection. No lock is held during a write. While more than
// 64 KiB wait, nothing is read from the peer. One that blocks a write for 10
// seconds is disconnected, and so is one that takes more than 5 for a write while
// more than 256 KiB wait behind it. How much waits before it was the peer's turn
// does not matter: all refusals of a burst may be due at the same moment.
//
// # What a connection may cost
//
// 16,384 requests may be open and as many refusals may wait for their time. With
// the lines that mail servers send all of them take about 25 MiB, and the moment at
// which all refusals are due 32 MiB of stacks more; an attacker on the socket
// itself, whose every line is 16 KiB long, holds that much with each exchange that
// it leaves open; what waits for its time holds nothing of its line. Server.MaxOpen and
// Server.MaxWaiting bound it. Answers that nobody reads take no more than 64 KiB
// beside those to the requests that were open.
//
// # The life of a request
//
// A request begins with AUTH and ends with exactly one of [Request.OK],
// [Request.Fail], [Request.TemporaryFailure] and [Request.Drop]; later calls are
// ignored and logged. It also ends, without an answer, by CANCEL (which is itself
// answered with CANCELLED to clients of minor version 4 and up, whatever became of
// the request), with its connection, or 150 seconds after its AUTH; its context ends with it. A refusal
// may be given ahead of its time ([Fail].At): it then keeps its id and leaves when
// it is due.
//
// The connection ends as soon as the client's half of the stream does, with all
// that waits. However it ends, also by the Drop of another request, the back end
// is not called: a request it is thinking about gets its answer ignored, and an
// exchange that waited for its client saw no attempt that would need a verdict.
//
// # Handing a login on
//
// A connection of minor version 2 and up remembers its last 4,096 OKs that
// carried a Login. REQUEST on a master socket finds the connection by its cookie,
// then checks CPID and request id, and uses the OK up.
//
// # Looking users up
//
// USER and PASS are answered by the [MasterBackend], PASS only by one that is a
// [PassBackend], and never with a credential. LIST is answered by a [ListBackend],
// one list of a connection at a time: its lines leave as the peer reads them,
// however long it takes over that, and no more than 64 KiB of them wait. Without
// the add-ons PASS gets FAIL and LIST gets DONE with fail, as from a Dovecot that
// has no passdb for look-ups and no userdb to list. CACHE-FLUSH gets OK 0: nothing
// is cached here. On a userdb socket of mode 0666, which everybody may open, a
// caller that is neither root nor the socket's owner nor of its group sees its own
// entry only, and neither PASS nor LIST.
//
// # Trouble
//
// A peer that breaks the protocol is disconnected after the answers that are
// ready have been written, and a log line says why. Such a line never shows more
// of the offending input than its command word: what follows may be a password.
//
// # Client role
//
// [NewClient] does the handshake. [Client.Authenticate] runs one exchange;
// [Client.Start], [Client.Flush] and [Client.ReadReply] keep any number of them in
// flight on one connection without a goroutine each. [NewMasterClient] asks
// master and userdb sockets.
package dovecot
