// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"io"
	"log/slog"

	"github.com/go-logr/logr"
	"k8s.io/klog/v2"
	"k8s.io/klog/v2/textlogger"
)

// newLogger returns the process's logger, in klog's text format or as one JSON object a line.
func newLogger(w io.Writer, format string, verbosity int) klog.Logger {
	if format != "json" {
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
