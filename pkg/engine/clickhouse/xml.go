// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouse

import (
	"encoding/xml"
	"fmt"
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

// number is an element with a whole number, yesNo one with a yes or no.
func number[T ~int | ~int32 | ~int64](name string, n T) element {
	return leaf(name, strconv.FormatInt(int64(n), 10))
}

func yesNo(name string, on bool) element {
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
	var root node
	if err := xml.Unmarshal([]byte(content), &root); err != nil {
		return nil, fmt.Errorf("reading a configuration: %w", err)
	}
	texts := map[string]string{}
	for key, child := range root.byKey("") {
		child.into(texts, key)
	}
	return texts, nil
}

// node is an element as it is read.
type node struct {
	XMLName  xml.Name
	Text     string `xml:",chardata"`
	Children []node `xml:",any"`
}

// into notes the texts of a node and of all in it.
func (n node) into(texts map[string]string, key string) {
	if len(n.Children) == 0 {
		texts[key] = n.Text
	}
	for below, child := range n.byKey(key + ".") {
		child.into(texts, below)
	}
}

// byKey gives what a node holds by key.
func (n node) byKey(prefix string) map[string]node {
	all := map[string]node{}
	seen := map[string]int{}
	for _, child := range n.Children {
		name := child.XMLName.Local
		key := prefix + name
		if again := seen[name]; again > 0 {
			key += "[" + strconv.Itoa(again) + "]"
		}
		seen[name]++
		all[key] = child
	}
	return all
}
