package config

// smsKeys is every key of [sms] outside its senders.
func smsKeys() map[string]setter {
	return map[string]setter{
		"sms.timeout": func(c *Config, v value) error {
			return setSpan(&c.SMS.Timeout, v, Duration(second), Duration(30*second))
		},
		"sms.per_number_day":   func(c *Config, v value) error { return setInt(&c.SMS.PerNumberDay, v, 1, 1000) },
		"sms.per_account_day":  func(c *Config, v value) error { return setInt(&c.SMS.PerAccountDay, v, 1, 1000) },
		"sms.per_source_hour":  func(c *Config, v value) error { return setInt(&c.SMS.PerSourceHour, v, 1, 1_000_000) },
		"sms.sign_in_per_hour": func(c *Config, v value) error { return setInt(&c.SMS.SignInPerHour, v, 1, 1_000_000) },
		"sms.binding_per_hour": func(c *Config, v value) error { return setInt(&c.SMS.BindingPerHour, v, 1, 1_000_000) },
	}
}
