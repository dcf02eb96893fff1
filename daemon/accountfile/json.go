package accountfile

import (
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
)

var errJSON = errors.New("it is not a JSON object of texts, numbers, true and false")

// parseJSON reads one object, with the columns as its keys.
func parseJSON(text string, r *row) error {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if begin, err := d.Token(); err != nil || begin != json.Delim('{') {
		return errJSON
	}
	seen := make(seenColumns)
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return errJSON
		}
		column, _ := key.(string)
		if err := seen.add(column); err != nil {
			return err
		}
		value, given, err := scalar(d)
		if err != nil {
			return err
		}
		if !given {
			continue
		}
		if err := r.set(column, value); err != nil {
			return err
		}
	}
	if end, err := d.Token(); err != nil || end != json.Delim('}') {
		return errJSON
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("there is something behind the JSON object")
	}
	return nil
}

// scalar reads one value as text; null says nothing.
func scalar(d *json.Decoder) (text string, given bool, err error) {
	token, err := d.Token()
	if err != nil {
		return "", false, errJSON
	}
	switch v := token.(type) {
	case string:
		return v, true, nil
	case json.Number:
		return v.String(), true, nil
	case bool:
		return strconv.FormatBool(v), true, nil
	case nil:
		return "", false, nil
	}
	return "", false, errJSON
}
