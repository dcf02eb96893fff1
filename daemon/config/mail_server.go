package config

// MailServers is the section [mail_servers]: what people type into their mail
// programs. What is nil is not shown.
type MailServers struct {
	IMAP, POP3, SMTP *MailServer
}

// MailServer is one of [mail_servers.imap], [mail_servers.pop3] and
// [mail_servers.smtp].
type MailServer struct {
	Host       string // as written: a name or an address
	Port       int
	Encryption string // "TLS" or "STARTTLS"
}
