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
