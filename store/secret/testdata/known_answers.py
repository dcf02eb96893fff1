"""Computes the known answers of keys_test.go without latchkey's code."""
import hashlib, hmac

def hkdf(master, info, size):  # RFC 5869, no salt
    prk = hmac.new(bytes(32), master, hashlib.sha256).digest()
    out = block = b""
    while len(out) < size:
        block = hmac.new(prk, block + info + bytes([len(out) // 32 + 1]), hashlib.sha256).digest()
        out += block
    return out[:size]

master = bytes(range(32))
print("generation", hkdf(master, b"latchkey/1/generation", 4).hex())
key = hkdf(master, b"latchkey/1/app-password", 32)
print("tag", hmac.new(key, bytes(range(1, 9)) + b"\0" + b"abcdefghjkmnpqrs", hashlib.sha256).hexdigest()[:32])
key = hkdf(master, b"latchkey/1/record-mac", 32)
print("mac", hmac.new(key, b"\0\4akey" + b"payload", hashlib.sha256).hexdigest()[:32])

def tag(purpose, message):
    key = hkdf(master, b"latchkey/1/" + purpose, 32)
    return hmac.new(key, message, hashlib.sha256).digest()[:16]

account, token, letters = bytes(range(1, 9)), bytes(range(16)), b"abcdefghjkmn"
print("session", tag(b"session", account + b"\0" + token).hex())
print("device", tag(b"device", account + b"\0" + token).hex())
print("recovery", tag(b"recovery-code", account + b"\0" + letters).hex())
print("helpdesk", tag(b"helpdesk-code", account + b"\0" + letters).hex())
print("number", tag(b"number-index", b"+8613812345678").hex())
print("salt", tag(b"scram-salt", b"u@example.org").hex())
for i in range(4):
    challenge = bytes([i]) * 16
    print("code", i, "%06d" % (int.from_bytes(tag(b"sms-code", challenge)[:8], "big") % 1000000))
# A challenge whose code begins with zeros.
i = next(i for i in range(100000) if int.from_bytes(tag(b"sms-code", i.to_bytes(16, "big"))[:8], "big") % 1000000 < 1000)
print("code of", i, "%06d" % (int.from_bytes(tag(b"sms-code", i.to_bytes(16, "big"))[:8], "big") % 1000000))
