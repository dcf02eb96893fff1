#!/bin/sh
# Prints foreign.txt, the stored passwords that TestForeignFixtures matches: each
# line has the password, the command that made the hash and the hash, with tabs
# between them. Made with Dovecot 2.3.19 and libxcrypt 4.4.33 (Debian 12).
set -eu
password() { # the password of each round
	case $1 in
	1) printf %s 'correct horse battery' ;;
	2) printf %s 'pässwörd 密码 📱' ;;
	3) printf %s '0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789' ;;
	esac
}
for n in 1 2 3; do
	p=$(password $n)
	for s in CRYPT MD5 MD5-CRYPT SHA256-CRYPT SHA512-CRYPT BLF-CRYPT ARGON2I ARGON2ID SHA SHA1 SHA256 SHA512 SMD5 SSHA \
		SSHA256 SSHA512 LDAP-MD5 PLAIN-MD5 PBKDF2 SCRAM-SHA-1 SCRAM-SHA-256 SSHA256.b64 SSHA256.hex SHA512.hex SHA.b64 \
		PLAIN-MD5.b64 SHA512-CRYPT.b64 BLF-CRYPT.hex; do
		case $n$s in [23]ARGON2*) continue ;; esac # they take long
		printf '%s\tdoveadm pw -s %s\t%s\n' "$p" "$s" "$(doveadm -c /dev/null pw -s "$s" -p "$p")"
	done
	printf '%s\tdoveadm pw -s BLF-CRYPT -r 7\t%s\n' "$p" "$(doveadm -c /dev/null pw -s BLF-CRYPT -r 7 -p "$p")"
	printf '%s\tdoveadm pw -s SHA512-CRYPT -r 12345\t%s\n' "$p" "$(doveadm -c /dev/null pw -s SHA512-CRYPT -r 12345 -p "$p")"
	printf '%s\tdoveadm pw -s PBKDF2 -r 777\t%s\n' "$p" "$(doveadm -c /dev/null pw -s PBKDF2 -r 777 -p "$p")"
	for setting in '$y$j9T$F5Jx5fExrKuPp53xLKQ..1' '$y$j75$abcd' '$sha1$4000$salt.and.more' '$5$rounds=2000$saltsaltsaltsalt' '$6$a' \
		'$2a$05$abcdefghijklmnopqrstuu' '$2b$06$abcdefghijklmnopqrstuu' '$1$12345678'; do
		printf '%s\tperl crypt %s\t%s\n' "$p" "$setting" "$(perl -e 'print crypt($ARGV[0], $ARGV[1])' "$p" "$setting")"
	done
done
