// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

// Package logging makes the one logger of a process.
package logging

import (
	"io"
	"log/slog"

	"github.com/go-logr/logr"
	"k8s.io/klog/v2"
	"k8s.io/klog/v2/textlogger"
)

// Formats of a log.
const (
	// Text is klog's text format.
	Text = "text"
	// JSON is one JSON object a line, with the keys that the components of Kubernetes use.
	JSON = "json"
)

// New returns a logger in a format, which writes what has at most the given verbosity. Every format but JSON is Text.
func New(w io.Writer, format string, verbosity int) klog.Logger {
	if format != JSON {
		return textlogger.NewLogger(textlogger.NewConfig(textlogger.Output(w), textlogger.Verbosity(verbosity)))
	}
	return logr.FromSlogHandler(slog.NewJSONHandler(w, &slog.HandlerOptions{
		Level:       slog.Level(-verbosity), // logr's V(n) is slog's level -n
		ReplaceAttr: nameLevel,
	}))
}

// nameLevel writes levels as the components of Kubernetes do: "v": 2 for information, "level": "error" for errors.
func nameLevel(groups []string, attribute slog.Attr) slog.Attr {
	level, ok := attribute.Value.Any().(slog.Level)
	if len(groups) > 0 || attribute.Key != slog.LevelKey || !ok {
		return attribute
	}
	if level >= slog.LevelError {
		return slog.String("level", "error")
	}
	return slog.Int("v", -int(level))
}
