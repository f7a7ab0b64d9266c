// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package oplog

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/atlasdb/atlasdb/test/standin/mongod/document"
)

// Documents are the collections by their full names.
type Documents map[string]*Collection

// Collection is documents by the key of their _id.
type Collection struct {
	documents map[string]stored
	inserted  int
	// Indexes are the specifications of the collection's indexes beyond that of _id.
	Indexes []bson.Raw
}

// stored is a document, and when it was inserted in relation to the others.
type stored struct {
	document bson.Raw
	order    int
}

func (d Documents) apply(e Entry) error {
	switch e.Op {
	case Insert:
		d.collection(e.Namespace).put(e.Object)
	case Update:
		d.collection(e.Namespace).put(e.Object)
	case Delete:
		delete(d.collection(e.Namespace).documents, document.Key(e.Object.Lookup("_id")))
	case Command:
		return d.command(e)
	}
	return nil
}

// command applies what is done to whole collections.
func (d Documents) command(e Entry) error {
	database, _, _ := strings.Cut(e.Namespace, ".")
	first, err := e.Object.IndexErr(0)
	if err != nil {
		return err
	}
	name := database + "." + text(first.Value())
	switch first.Key() {
	case "create":
		d.collection(name)
	case "drop":
		delete(d, name)
	case "dropDatabase":
		maps.DeleteFunc(d, func(name string, _ *Collection) bool { return strings.HasPrefix(name, database+".") })
	case "createIndexes":
		c := d.collection(name)
		c.Indexes = append(c.Indexes, e.Object.Lookup("index").Document())
	default:
		return fmt.Errorf("unknown command %s", first.Key())
	}
	return nil
}

func text(v bson.RawValue) string {
	s, _ := v.StringValueOK()
	return s
}

func (d Documents) collection(name string) *Collection {
	if d[name] == nil {
		d[name] = &Collection{documents: map[string]stored{}}
	}
	return d[name]
}

// put keeps a document's place in the order when it replaces one.
func (c *Collection) put(raw bson.Raw) {
	key := document.Key(raw.Lookup("_id"))
	order := c.inserted
	if old, found := c.documents[key]; found {
		order = old.order
	} else {
		c.inserted++
	}
	c.documents[key] = stored{document: raw, order: order}
}

// Get is the document with this _id, or nil.
func (d Documents) Get(namespace string, id bson.RawValue) bson.Raw {
	c, found := d[namespace]
	if !found {
		return nil
	}
	return c.documents[document.Key(id)].document
}

// Find returns the documents that the filter selects, in the order of their insertion.
func (d Documents) Find(namespace string, filter bson.Raw) ([]bson.Raw, error) {
	c, found := d[namespace]
	if !found {
		return nil, nil
	}
	candidates := c.candidates(filter)
	slices.SortFunc(candidates, func(a, b stored) int { return a.order - b.order })
	var selected []bson.Raw
	for _, candidate := range candidates {
		ok, err := document.Match(filter, candidate.document)
		if err != nil {
			return nil, err
		}
		if ok {
			selected = append(selected, candidate.document)
		}
	}
	return selected, nil
}

// candidates looks one document up where the filter names it, as most filters do.
func (c *Collection) candidates(filter bson.Raw) []stored {
	id := filter.Lookup("_id")
	if id.Type == 0 || id.Type == bson.TypeEmbeddedDocument {
		return slices.Collect(maps.Values(c.documents))
	}
	if found, ok := c.documents[document.Key(id)]; ok {
		return []stored{found}
	}
	return nil
}

// Count is how many documents and bytes a collection has.
func (c *Collection) Count() (count, size int) {
	if c == nil {
		return 0, 0
	}
	for _, s := range c.documents {
		size += len(s.document)
	}
	return len(c.documents), size
}
