// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package conditions

import (
	"strings"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// MaxMessageBytes is the longest message that Truncate lets through. The API would take 32 KiB; nobody reads more than
// this, and a status is sent to every watcher.
const MaxMessageBytes = 1024

// ellipsis ends a message that was cut.
const ellipsis = "…"

// Set adds a condition to a list, or replaces the one of its type. The time of the last transition stays as it is
// unless the status changes; c.LastTransitionTime must hold the time of this pass.
func Set(list *[]metav1.Condition, c metav1.Condition) {
	c.Message = Truncate(c.Message)
	meta.SetStatusCondition(list, c)
}

// Truncate shortens a message to MaxMessageBytes, without cutting a character in two.
func Truncate(message string) string {
	message = strings.ToValidUTF8(message, "?") // the API server refuses anything else, and with it the whole status
	if len(message) <= MaxMessageBytes {
		return message
	}
	end := MaxMessageBytes - len(ellipsis)
	for !utf8.RuneStart(message[end]) {
		end--
	}
	return message[:end] + ellipsis
}
