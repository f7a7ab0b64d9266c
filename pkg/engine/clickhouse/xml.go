// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouse

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
)

// fileHeader begins every file, for people who find it in a container.
const fileHeader = " Written by AtlasDB from the DatabaseCluster: change its spec, a change made here is lost. "

// element is a piece of a configuration: a tag with a text or with other elements in it.
type element struct {
	name     string
	text     string
	children []element
	// hidden keeps the element out of the copy that the server makes of its merged configuration.
	hidden bool
}

// group is an element that holds others.
func group(name string, children ...element) element { return element{name: name, children: children} }

// leaf is an element with a text.
func leaf(name, text string) element { return element{name: name, text: text} }

// number is an element with a whole number, flag one with a yes or no.
func number[T ~int | ~int32 | ~int64](name string, n T) element {
	return leaf(name, strconv.FormatInt(int64(n), 10))
}

func flag(name string, on bool) element {
	if on {
		return leaf(name, "true")
	}
	return leaf(name, "false")
}

// secret is an element with a text that is written nowhere else.
func secret(name, text string) element { return element{name: name, text: text, hidden: true} }

// tagForm is what a tag may be called: in ClickHouse's keys a dot would be another level.
var tagForm = regexp.MustCompile(`^[A-Za-z_][-A-Za-z0-9_]*$`)

// render writes a configuration. The encoder escapes every text, so no value can add an element.
func render(root string, children ...element) (string, error) {
	var b strings.Builder
	b.WriteString("<!--" + fileHeader + "-->\n")
	encoder := xml.NewEncoder(&b)
	encoder.Indent("", "    ")
	if err := group(root, children...).encode(encoder); err != nil {
		return "", err
	}
	if err := encoder.Close(); err != nil {
		return "", fmt.Errorf("encoding a configuration: %w", err)
	}
	return b.String() + "\n", nil
}

func (e element) encode(encoder *xml.Encoder) error {
	if !tagForm.MatchString(e.name) {
		return fmt.Errorf("%q cannot be a tag of a configuration", e.name)
	}
	start := xml.StartElement{Name: xml.Name{Local: e.name}}
	if e.hidden {
		start.Attr = []xml.Attr{{Name: xml.Name{Local: "hide_in_preprocessed"}, Value: "true"}}
	}
	if len(e.children) == 0 {
		return encoder.EncodeElement(e.text, start)
	}
	if err := encoder.EncodeToken(start); err != nil {
		return fmt.Errorf("encoding <%s>: %w", e.name, err)
	}
	for _, child := range e.children {
		if err := child.encode(encoder); err != nil {
			return err
		}
	}
	return encoder.EncodeToken(start.End())
}

// ParseConfig reads a configuration as the server does: texts by key, the tags from the root down joined by dots. Of
// tags that stand more than once in the same place the second has "[1]" after it, and so on.
func ParseConfig(content string) (map[string]string, error) {
	texts := map[string]string{}
	decoder := xml.NewDecoder(strings.NewReader(content))
	r := reading{seen: map[string]int{}}
	for {
		token, err := decoder.Token()
		switch {
		case errors.Is(err, io.EOF):
			return texts, nil
		case err != nil:
			return nil, fmt.Errorf("reading a configuration: %w", err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			r.open(token.Name.Local)
		case xml.CharData:
			r.text += string(token)
		case xml.EndElement:
			if r.leaf {
				texts[r.key()] = r.text
			}
			r.close()
		}
	}
}

// reading is where a configuration is being read.
type reading struct {
	path []string
	seen map[string]int
	text string
	// leaf says that nothing was closed since the innermost tag was opened.
	leaf bool
}

// key is that of the innermost tag, without the root.
func (r *reading) key() string { return strings.Join(r.path[1:], ".") }

func (r *reading) open(name string) {
	place := strings.Join(append(r.path, name), ".")
	again := r.seen[place]
	r.seen[place]++
	if again > 0 {
		name += "[" + strconv.Itoa(again) + "]"
	}
	r.path, r.text, r.leaf = append(r.path, name), "", true
}

func (r *reading) close() {
	r.path, r.text, r.leaf = r.path[:len(r.path)-1], "", false
}
