package accountfile

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// columns are the headers of a CSV file.
type columns []string

// header reads them.
func (r *Reader) header() (columns, error) {
	text, err := r.next()
	var bad *LineError
	if err == io.EOF || errors.As(err, &bad) {
		return nil, ErrHeader
	} else if err != nil {
		return nil, err
	}
	names, err := fields(text)
	if err != nil {
		return nil, ErrHeader
	}
	seen := make(seenColumns)
	for i, name := range names {
		name = strings.ToLower(strings.TrimSpace(name))
		if err := seen.add(name); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrHeader, err)
		}
		names[i] = name
	}
	if !slices.Contains(names, "user") && !slices.Contains(names, "address") {
		return nil, fmt.Errorf("%w: there is no column user", ErrHeader)
	}
	return names, nil
}

// parse reads a line (RFC 4180); a value has no line break in it.
func (c columns) parse(text string, r *row) error {
	values, err := fields(text)
	if err != nil {
		return errors.New("it is not a line of comma-separated values")
	}
	if len(values) != len(c) {
		return fmt.Errorf("it has %d values, and there are %d columns", len(values), len(c))
	}
	for i, value := range values {
		if value == "" {
			continue
		}
		if err := r.set(c[i], value); err != nil {
			return err
		}
	}
	return nil
}

func fields(text string) ([]string, error) {
	in := csv.NewReader(strings.NewReader(text))
	in.FieldsPerRecord = -1
	return in.Read()
}
