package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// partsInOrder is how they stand in the file.
var partsInOrder = []string{partSpeed, partCurve, partLong}

// partBegin stands in front of a part, where no reader sees it.
func partBegin(name string) []byte { return fmt.Appendf(nil, "<!-- part: %s -->\n", name) }

// writePart puts a part into a file in the place of the one of an earlier run, and
// leaves the others as they are; "-" is standard output, with this part alone.
func writePart(path, name string, text []byte) error {
	if path == "-" {
		_, err := os.Stdout.Write(text)
		return err
	}
	old, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	var b bytes.Buffer
	for _, part := range partsInOrder {
		body := partOf(old, part)
		if part == name {
			body = text
		}
		if len(bytes.TrimSpace(body)) == 0 {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('\n')
		}
		b.Write(partBegin(part))
		b.Write(bytes.TrimSpace(body))
		b.WriteByte('\n')
	}
	return os.WriteFile(path, b.Bytes(), 0o644)
}

// partOf is what stands behind a part's beginning, up to the next one's.
func partOf(file []byte, name string) []byte {
	_, body, _ := bytes.Cut(file, partBegin(name))
	for _, next := range partsInOrder {
		body, _, _ = bytes.Cut(body, partBegin(next))
	}
	return body
}
