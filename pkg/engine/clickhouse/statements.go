// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouse

import "strings"

// Quote writes the name of a database, table or column as it stands in a statement, whatever it holds.
func Quote(identifier string) string { return "`" + escaped(identifier) + "`" }

// Text writes a text as it stands in a statement, whatever it holds.
func Text(value string) string { return "'" + escaped(value) + "'" }

// escaped is for both: the server's lexer takes a backslash for an escape between any quotes.
func escaped(text string) string {
	return strings.NewReplacer(
		`\`, `\\`, "'", `\'`, "`", "\\`", "\x00", `\0`, "\n", `\n`, "\r", `\r`, "\t", `\t`,
	).Replace(text)
}
