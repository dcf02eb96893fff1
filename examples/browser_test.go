package examples

// chromium is Debian's.
const chromium = "/usr/bin/chromium"
