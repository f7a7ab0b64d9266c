// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

// Command mongo-client is what "make demo ENGINE=mongodb" has for a client where the image of the stand-in is run,
// which has no mongosh: it writes documents or counts them, by the vendor's driver and the files of a binding.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

const usage = "usage: mongo-client write|count HOST BINDING-FOLDER"

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if len(args) != 3 {
		return errors.New(usage)
	}
	collection, err := open(args[1], args[2])
	if err != nil {
		return err
	}
	switch args[0] {
	case "write":
		return write(ctx, collection)
	case "count":
		return count(ctx, collection)
	default:
		return errors.New(usage)
	}
}

// open connects to whomever a host leads to, as the binding says.
func open(host, binding string) (*mongo.Collection, error) {
	says := map[string]string{}
	for _, key := range []string{"uri", "port", "database", "ca.crt"} {
		content, err := os.ReadFile(filepath.Join(binding, key))
		if err != nil {
			return nil, fmt.Errorf("reading the binding: %w", err)
		}
		says[key] = string(content)
	}
	authority := x509.NewCertPool()
	if !authority.AppendCertsFromPEM([]byte(says["ca.crt"])) {
		return nil, errors.New("the binding has no authority")
	}
	client, err := mongo.Connect(options.Client().ApplyURI(says["uri"]).SetDirect(true).
		SetHosts([]string{net.JoinHostPort(host, says["port"])}).SetServerSelectionTimeout(2 * time.Second).
		SetTLSConfig(&tls.Config{RootCAs: authority, MinVersion: tls.VersionTLS12}))
	if err != nil {
		return nil, fmt.Errorf("connecting: %w", err)
	}
	return client.Database(says["database"]).Collection("greetings"), nil
}

// write leaves a thousand documents, however often it runs.
func write(ctx context.Context, greetings *mongo.Collection) error {
	var documents []any
	for n := range 1000 {
		documents = append(documents, bson.D{
			{Key: "_id", Value: n + 1}, {Key: "words", Value: fmt.Sprintf("hello %d", n+1)},
		})
	}
	_, err := greetings.InsertMany(ctx, documents, options.InsertMany().SetOrdered(false))
	if err != nil && !mongo.IsDuplicateKeyError(err) {
		return fmt.Errorf("writing: %w", err)
	}
	return nil
}

func count(ctx context.Context, greetings *mongo.Collection) error {
	n, err := greetings.CountDocuments(ctx, bson.D{})
	if err != nil {
		return fmt.Errorf("counting: %w", err)
	}
	fmt.Println(n)
	return nil
}
