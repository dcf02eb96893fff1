package config

// MailSessions is the section [mail_sessions].
type MailSessions struct {
	// Cut is the command, with its arguments, that ends mail sessions; empty =
	// none is run. %u stands for the address, %c for the credential's id, %% for
	// a percent sign, never in the first: which program runs is fixed.
	Cut []string
}
